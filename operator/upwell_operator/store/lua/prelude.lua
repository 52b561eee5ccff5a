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

local function newest_id(stream)
  local last = call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  return last[1] and last[1][1]
end
