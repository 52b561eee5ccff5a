-- Record one decision about one object, if it differs from the newest.
--
-- KEYS  1 decisions  2 epoch                                                                   (one slot)
-- ARGV  1 epoch or ''  2 what was decided and why (JSON)  3 time  4 decisions to keep  5 seconds to keep them
-- Gives 1 if it was new, else 0; or the error FENCED.

local refused = fenced(KEYS[2], ARGV[1])
if refused then return refused end

local newest = call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local same = newest[1] and newest[1][2][2] == ARGV[2]
if not same then
  call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[4], '*', 'd', ARGV[2], 't', ARGV[3])
end
-- What is still true must not expire; a write for every look at an unchanged world would cost an fsync each.
if not same or call('TTL', KEYS[1]) < tonumber(ARGV[5]) / 2 then
  call('EXPIRE', KEYS[1], ARGV[5])
end
return same and 0 or 1
