-- Forget the history of one asset beyond a number of events and an age; what is current stays, if it is defined.
--
-- KEYS  1 state  2 events  3 unchanged  4 versions  5 keys  6 epoch  7 and on: of partitions   (one slot)
-- ARGV  1 epoch or ''  2 events to keep  3 age in ms  4 key  5 '1' if an Asset defines it
-- Gives the number of entries that went; or the error FENCED.

local refused = fenced(KEYS[6], ARGV[1])
if refused then return refused end

local keep, oldest = tonumber(ARGV[2]), math.max(0, now_ms() - tonumber(ARGV[3]))
local gone = 0
for i = 2, 4 do
  if call('EXISTS', KEYS[i]) == 1 then
    gone = gone + call('XTRIM', KEYS[i], 'MAXLEN', '=', i == 3 and math.min(100, keep) or keep)
    gone = gone + call('XTRIM', KEYS[i], 'MINID', '=', string.format('%.0f', oldest))
    if call('XLEN', KEYS[i]) == 0 then call('DEL', KEYS[i]) end
  end
end

local S = call('HMGET', KEYS[1], 'v', 'ov', 'm', 'f', 'keep', 'fence', 'e')
local current = S[1] or S[2] or S[3] or S[4] or S[6]
local last = S[7] and tonumber(string.match(S[7], '^%d+')) or 0
if ARGV[5] ~= '1' and last < oldest then current = false end
if current or call('EXISTS', KEYS[2], KEYS[3]) > 0 then
  if S[5] ~= ARGV[2] then call('HSET', KEYS[1], 'keep', ARGV[2]) end
else
  call('DEL', KEYS[1], unpack(KEYS, 7))
  call('SREM', KEYS[5], ARGV[4])
end
return gone
