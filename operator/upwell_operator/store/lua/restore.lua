-- Fill in what is absent of one asset's state, from what its resource's status remembers. What is there is newer: it stays,
-- but a version that was only seen again since gets its older beginning back.
--
-- KEYS  1 state  2 keys  3 epoch                                                              (one slot)
-- ARGV  1 epoch or ''  2 key  3 version or ''  4 since  5 observed version or ''  6 when  7 run  8 since  9 times
--       10 materialization (JSON) or ''  11 failure (kind, space, JSON) or ''  12 fencing token  13 partitions known
--       14 version that a guard accepted or ''  15 since  16 its figures (JSON) or ''
-- Gives 1 if anything was filled in, else 0; or the error FENCED.

local refused = fenced(KEYS[3], ARGV[1])
if refused then return refused end

local S = call('HMGET', KEYS[1], 'v', 'ov', 'm', 'f', 'fence', 'ot', 'vt', 'os', 'e', 'pn', 'gv')
local set = {}
local function put(...)
  for _, x in ipairs({...}) do set[#set + 1] = x end
end

if ARGV[3] ~= '' and not S[1] then put('v', ARGV[3]) end
if ARGV[4] ~= '' and (not S[1] or S[1] == ARGV[3]) and S[7] ~= ARGV[4] then put('vt', ARGV[4]) end
if ARGV[5] ~= '' and not S[2] then
  put('ov', ARGV[5], 'ot', ARGV[6], 'or', ARGV[7], 'os', ARGV[8], 'oc', ARGV[9])
elseif ARGV[5] ~= '' and S[2] == ARGV[5] and S[8] ~= ARGV[8] then
  put('os', ARGV[8])
end
if ARGV[10] ~= '' and not S[3] then put('m', ARGV[10]) end
-- A failure that a later success of its kind has cleared must not come back.
local succeeded = S[3]
if string.sub(ARGV[11], 1, 8) == 'observe ' then succeeded = S[2] end
if ARGV[11] ~= '' and not S[4] and not succeeded then put('f', ARGV[11]) end
-- The partitions themselves are lost: the version stays until as many have been seen again.
if tonumber(ARGV[13]) > tonumber(S[10] or '0') then put('pw', ARGV[13]) end
if ARGV[14] ~= '' and not S[11] then put('gv', ARGV[14], 'gt', ARGV[15], 'gm', ARGV[16]) end
if tonumber(ARGV[12]) > tonumber(S[5] or '0') then put('fence', ARGV[12]) end

if #set == 0 then return 0 end
if not S[9] then put('e', now_ms() .. '-0') end  -- what it is kept for is counted from now
call('HSET', KEYS[1], unpack(set))
call('SADD', KEYS[2], ARGV[2])
return 1
