-- Put in front of every other script. Redis' own clock is the only one used: servers and operators may disagree.

-- Refuse the write of an operator whose epoch is older than one seen here. '' is a writer that is not fenced.
local function fenced(key, epoch)
  if epoch == '' then return nil end
  local held = tonumber(redis.call('GET', key) or '0')
  if tonumber(epoch) < held then
    return redis.error_reply('FENCED ' .. string.format('%.0f', held))
  end
  if tonumber(epoch) > held then redis.call('SET', key, epoch) end
  return nil
end

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

-- The id after `last` ("ms-seq"), at `ms` or later: ids never go back, whatever the clock does.
local function next_id(last, ms)
  local last_ms, last_seq = string.match(last, '^(%d+)-(%d+)$')
  if tonumber(last_ms) >= ms then
    return last_ms .. '-' .. string.format('%.0f', tonumber(last_seq) + 1)
  end
  return string.format('%.0f', ms) .. '-0'
end

local function newest_id(stream)
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  return last[1] and last[1][1]
end
