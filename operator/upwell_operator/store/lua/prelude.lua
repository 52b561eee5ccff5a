-- Put in front of every other script. Redis' own clock is the only one used: servers and operators may disagree.

local call = redis.call

-- Refuse the write of an operator whose epoch is older than one seen here. '' is a writer that is not fenced.
local function fenced(key, epoch)
  if epoch == '' then return nil end
  local held = tonumber(call('GET', key) or '0')
  if tonumber(epoch) < held then
    return redis.error_reply('FENCED ' .. string.format('%.0f', held))
  end
  if tonumber(epoch) > held then call('SET', key, epoch) end
  return nil
end

local function now_ms()
  local t = call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

-- The id after `last` ("ms-seq"), at `ms` or later: ids never go back, whatever the clock does.
-- Numbers become texts by themselves here and in calls: whole ones below 1e14 lose nothing, and formats cost more.
local function next_id(last, ms)
  local dash = string.find(last, '-', 1, true)
  if tonumber(string.sub(last, 1, dash - 1)) >= ms then
    return string.sub(last, 1, dash) .. (string.sub(last, dash + 1) + 1)
  end
  return ms .. '-0'
end

-- Note that an asset became `made` from versions of its inputs: a stream an input from KEYS[first] on, its version in
-- ARGV[given] and on. An entry is as old as its write; what is read of it is never older than that by more than a block.
local function note_uses(first, given, asset, made, run, most)
  local days, ms = 90, now_ms()
  for i = first, #KEYS do
    call('XADD', KEYS[i], 'MAXLEN', '~', most, '*', 'v', ARGV[given + i - first], 'a', asset, 'm', made, 'r', run)
    call('XTRIM', KEYS[i], 'MINID', '~', string.format('%.0f', ms - days * 86400000))
    call('EXPIRE', KEYS[i], days * 86400)
  end
end

local function newest_id(stream)
  local last = call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  return last[1] and last[1][1]
end

-- The digest of a set of (partition, version) pairs: four sums modulo 2^32 of the words of the pairs' hashes, so that a
-- pair is added or taken away without looking at the others, in any order (an additive set hash; Bellare and Micciancio,
-- 1997). The hashes are the caller's work.
local HASH = 32

local function words_of(hash)
  local words = {0, 0, 0, 0}
  for i = 1, hash and 4 or 0 do words[i] = tonumber(string.sub(hash, 8 * i - 7, 8 * i), 16) end
  return words
end

local function add(words, hash, sign)
  for i, word in ipairs(words_of(hash)) do words[i] = (words[i] + sign * word) % 4294967296 end
end

local AT_ONCE, NAMED = 1000, 100

-- Take versions by partition, each "hash version"; rows are "hash time version". Gives what changed (JSON: how many, and
-- the first hundred) or false, the digest, how many partitions are known, and the names of those that changed.
local function take_partitions(key, versions, time, digest, known)
  local names, words = {}, words_of(digest)
  for name in pairs(versions) do names[#names + 1] = name end
  table.sort(names)
  local changed, named, moved = 0, {}, {}
  for from = 1, #names, AT_ONCE do
    local to, set = math.min(#names, from + AT_ONCE - 1), {}
    for i, row in ipairs(call('HMGET', key, unpack(names, from, to))) do
      local name = names[from + i - 1]
      local hash, old = string.sub(versions[name], 1, HASH), row and string.sub(row, 1, HASH)
      if old ~= hash then
        if old then add(words, old, -1) else known = known + 1 end
        add(words, hash, 1)
        local version = string.sub(versions[name], HASH + 2)
        set[#set + 1] = name
        set[#set + 1] = hash .. ' ' .. time .. ' ' .. version
        changed = changed + 1
        moved[changed] = name
        if changed <= NAMED then named[name] = version end
      end
    end
    if #set > 0 then call('HSET', key, unpack(set)) end
  end
  if changed == 0 then return false, digest, known, moved end
  return cjson.encode({changed, named}), string.format('%08x%08x%08x%08x', unpack(words)), known, moved
end
