-- Raise the epoch of one shard: `next` takes a new one that nobody has had, `same` brings another shard up to it.
--
-- KEYS  1 epoch
-- ARGV  1 next or same  2 the least it may be
-- Gives the epoch that stands afterwards.

local held, wanted = tonumber(call('GET', KEYS[1]) or '0'), tonumber(ARGV[2])
if ARGV[1] == 'next' then wanted = math.max(held + 1, wanted) end
if wanted > held then call('SET', KEYS[1], string.format('%.0f', wanted)) end
return math.max(held, wanted)
