-- Keep the version of one asset that its guard has accepted, or that it has no guard any more.
--
-- KEYS  1 state  2 epoch                                                                       (one slot)
-- ARGV  1 epoch or ''  2 newest version, as it was judged  3 accepted version or ''  4 since  5 its figures (JSON) or ''
-- Gives 1, or 0 when there is a newer version by now (it is in the feed, and is judged next); or the error FENCED.

local refused = fenced(KEYS[2], ARGV[1])
if refused then return refused end

if call('HGET', KEYS[1], 'v') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  call('HDEL', KEYS[1], 'gv', 'gt', 'gm')
else
  call('HSET', KEYS[1], 'gv', ARGV[3], 'gt', ARGV[4], 'gm', ARGV[5])
end
return 1
