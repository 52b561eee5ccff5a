-- Record what is known of a run, and its place in the lists of runs.
--
-- KEYS  1 run  2 runs of its namespace  3 runs of all  4 epoch                                 (one slot)
-- ARGV  1 epoch or ''  2 the run (JSON)  3 its member in the lists  4 '1' if it has ended  5 seconds to keep it
--       6 member before which lists are cut  7 most runs in a list
-- Gives 1, or 0 when the run is known to have ended and this says it goes on (an older look); or the error FENCED.

local refused = fenced(KEYS[4], ARGV[1])
if refused then return refused end

local known = call('HMGET', KEYS[1], 'x', 'm')
if known[1] == '1' and ARGV[4] ~= '1' then return 0 end
local member = known[2] or ARGV[3]
call('HSET', KEYS[1], 'j', ARGV[2], 'm', member, 'x', ARGV[4])
call('EXPIRE', KEYS[1], ARGV[5])
for i = 2, 3 do
  call('ZADD', KEYS[i], 0, member)
  call('ZREMRANGEBYLEX', KEYS[i], '-', '(' .. ARGV[6])
  call('ZREMRANGEBYRANK', KEYS[i], 0, -1 - tonumber(ARGV[7]))
  call('EXPIRE', KEYS[i], ARGV[5])
end
return 1
