-- Take one event of one asset: fence -> idempotence -> event -> state -> run-length record -> feed, or nothing at all.
--
-- KEYS  1 state  2 events  3 unchanged  4 versions  5 seen  6 feed  7 keys  8 epoch
--       9 partitions  10 made  11 failed  12 moved                                                (one slot)
--       13 and on: the uses of each input whose version a materialization consumed
-- ARGV  1 epoch or ''  2 fencing token or ''  3 event id
--       4 what it does: o observation with a version, m materialization, f failure, e nothing but being an event
--       5 version or ''  6 entry (JSON)  7 time  8 run or ''  9 digest of metadata, tags and description
--       10 detail: materialization (JSON) or failure (kind, space, JSON)  11 outcome: '', Observed, Materialized, Failed
--       12 namespace/key  13 key  14 event type  15 length of the feed  16 most uses
--       17 partition -> its hash, a space, its version (JSON) or ''  18 whether this is a run's, or a report's, last word
--       19 the partition that was built, or that could not be, or ''  20 and on: consumed versions
-- Gives 0 duplicate, 1 superseded, 2 stored, 3 stored and the version changed; or the error FENCED.
--
-- A script is not rolled back: the event is written first, because its XADD is the only call that may be refused.

local refused = fenced(KEYS[8], ARGV[1])
if refused then return refused end

local KEPT, WHOLE, DAY, WEEK = '1000', 100, 86400, 604800
local LOOKED_BACK, WRITTEN = 1000, 1000
local act, version, time, run, part = ARGV[4], ARGV[5], ARGV[7], ARGV[8], ARGV[19]
local own = version

local S = call('HMGET', KEYS[1],
  'e', 'fence', 'v', 'vt', 'vl', 'vn', 'vr', 'ov', 'oc', 'oh', 'f', 'keep', 'pa', 'pn', 'pw', 'ps')
local last, fence, v, vt, vl, vn, vr = S[1], tonumber(S[2] or '0'), S[3], S[4], S[5], S[6], S[7]
local ov, oc, oh, failure, keep = S[8], S[9], S[10], S[11], S[12] or KEPT
local pa, pn, pw, ps = S[13], tonumber(S[14] or '0'), tonumber(S[15] or '0'), S[16]
if part ~= '' then  -- each partition has its own order of runs, and its own failure
  local made = call('HGET', KEYS[10], part)
  fence = made and tonumber(string.match(made, '^%d+')) or 0
  failure = call('HGET', KEYS[11], part)
end

-- Idempotence.
local outcome = false
if run ~= '' then
  local seen = call('HMGET', KEYS[5], ARGV[3], '!outcome')
  if seen[1] then return 0 end
  outcome = seen[2]
elseif call('ZSCORE', KEYS[5], ARGV[3]) then
  return 0
end

-- What this event means. A result of a run that was superseded is history, never the present.
local superseded = ARGV[2] ~= '' and tonumber(ARGV[2]) < fence
if superseded then act = 'e' end

-- A partitioned asset has one version too: the digest of its partitions' versions, `pa`. It becomes current with the last
-- word of a run or report, so that no half of a result is ever built from; after a loss, once as many are known as before.
local sliced = (act == 'o' or act == 'm') and ARGV[17] ~= ''
local news, settled, moved = false, false, {}
if sliced then
  news, pa, pn, moved = take_partitions(KEYS[9], cjson.decode(ARGV[17]), time, pa, pn)
end
if pa then
  local complete = (ARGV[18] == '1' or part ~= '') and pn >= pw
  if sliced and complete then version = pa
  elseif sliced and act == 'm' then version = v or pa
  elseif sliced then act = 'e'
  elseif complete then settled = pa end
  if not sliced and part == '' and (act == 'o' or act == 'm') then pa, settled = false, false end -- it is partitioned no more
end

local success = (act == 'o' and 'observe ') or (act == 'm' and 'materialize ')
local current = success and version or settled
local changed = current and v ~= current
local recovered = success and failure and string.sub(failure, 1, #success) == success
local quiet = not changed and not recovered and not news and
  (act == 'o' and ov == version and oh == ARGV[9] or act == 'e' and sliced)

-- The event.
local ms = now_ms()
if not last then call('SADD', KEYS[7], ARGV[13]) end
local id = next_id(last or '0-0', ms)
local flags = (superseded and 's') or (changed and 'c') or ''
if quiet then
  call('XADD', KEYS[3], 'MAXLEN', '=', math.min(WHOLE, tonumber(keep)), id, 'f', flags, 'j', ARGV[6])
elseif news then
  call('XADD', KEYS[2], 'MAXLEN', '~', keep, id, 'f', flags, 'j', ARGV[6], 'p', news)
else
  call('XADD', KEYS[2], 'MAXLEN', '~', keep, id, 'f', flags, 'j', ARGV[6])
end

-- State, and the version that is over.
local set, size = {'e', id}, 2
local function put(field, value)
  set[size + 1], set[size + 2] = field, value
  size = size + 2
end
if ARGV[2] ~= '' and act ~= 'e' and tonumber(ARGV[2]) > tonumber(S[2] or '0') then put('fence', ARGV[2]) end
if changed then
  if v then
    call('XADD', KEYS[4], 'MAXLEN', '~', keep, id,
      'v', v, 'a', vt or time, 'b', vl or vt or time, 'n', vn or '1', 'r', vr or '')
  end
  put('v', current) put('vt', time) put('vl', time) put('vn', 1) put('vr', run)
elseif success then
  put('vl', time) put('vn', tonumber(vn or '1') + 1)
end
if act == 'o' then
  put('ot', time) put('or', run)
  if ov == version then
    put('oc', tonumber(oc or '1') + 1)
  else
    put('ov', version) put('os', time) put('oc', 1)
  end
  if oh ~= ARGV[9] then put('oh', ARGV[9]) end
elseif act == 'm' then
  put('m', ARGV[10])
  note_uses(13, 20, ARGV[12], own, run, ARGV[16])
elseif act == 'f' and part == '' then
  put('f', ARGV[10])
end
if news then put('pa', pa) put('pn', pn) end

-- The partitions that have another version, result or failure: a reader of `moved` sees what is between two looks.
if part ~= '' and act == 'm' then
  call('HSET', KEYS[10], part, (ARGV[2] == '' and '0' or ARGV[2]) .. ' ' .. ARGV[10])
  if failure then call('HDEL', KEYS[11], part) end
elseif part ~= '' and act == 'f' then
  call('HSET', KEYS[11], part, ARGV[10])
end
if part ~= '' and act ~= 'e' and #moved == 0 then moved = {part} end
if #moved > 0 then
  local place = next_id(ps or '0-0', ms)
  call('XADD', KEYS[12], 'MAXLEN', '~', LOOKED_BACK, place, 'p', ps or '', 'k', #moved > WRITTEN and '' or cjson.encode(moved))
  put('ps', place)
end
call('HSET', KEYS[1], unpack(set, 1, size))
if current and pw > 0 then call('HDEL', KEYS[1], 'pw') end
if S[13] and not pa then
  call('HDEL', KEYS[1], 'pa', 'pn', 'pw', 'ps')
  call('DEL', KEYS[9], KEYS[10], KEYS[11], KEYS[12])
end
if recovered and part == '' then call('HDEL', KEYS[1], 'f') end

-- Remember the id, and what the run came to; the stronger word stays.
if run ~= '' then
  local word = ARGV[11]
  if word == 'Observed' then word = changed and 'Changed' or 'Unchanged' end
  if word == '' or (word == 'Unchanged' and outcome) then
    call('HSET', KEYS[5], ARGV[3], '1')
  else
    call('HSET', KEYS[5], ARGV[3], '1', '!outcome', word)
  end
  call('EXPIRE', KEYS[5], WEEK)
else
  call('ZADD', KEYS[5], ms, ARGV[3])
  call('ZREMRANGEBYSCORE', KEYS[5], '-inf', ms - DAY * 1000)
  call('EXPIRE', KEYS[5], DAY)
end

-- The feed: only what something downstream, or the asset's status, could care about.
if changed or recovered or act == 'm' or act == 'f' or (act == 'o' and not ov) then
  local newest = newest_id(KEYS[6])
  local place = newest and next_id(newest, 0) or (ms .. '-1')
  call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[15], place,
    'a', ARGV[12], 'c', changed and '1' or '0', 'k', ARGV[14], 'r', run)
end

return (superseded and 1) or (changed and 3) or 2
