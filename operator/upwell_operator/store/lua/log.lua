-- Keep the end of a run's log.
--
-- KEYS  1 log  2 epoch                                                                         (one slot)
-- ARGV  1 epoch or ''  2 text  3 seconds to keep it
-- Gives 1; or the error FENCED.

local refused = fenced(KEYS[2], ARGV[1])
if refused then return refused end
call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
