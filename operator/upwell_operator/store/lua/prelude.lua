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
