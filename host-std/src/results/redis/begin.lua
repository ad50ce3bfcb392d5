-- The beginning of every script that adds a batch to a state: whether the state is of this kind, and whether the
-- batch was added before. A script is atomic, so what it notes about the batch and what it adds are one.
--
-- KEYS[1] the hash about the state, KEYS[2] the hash of its data, or of a graph the list of its nodes, KEYS[3..] these
-- ARGV    kind, type of KEYS[2], spec, writer, number of the batch, milliseconds to live (0: for ever), number of
--         counters, name and increment of each counter, then what the kind needs, from ARGV[first] on
-- returns the number of the last batch that this writer had added before, and 1 if data was lost, else 0
local about, kind, spec, field, batch = KEYS[1], ARGV[1], ARGV[3], 'writer:' .. ARGV[4], tonumber(ARGV[5])
local held = redis.call('HMGET', about, 'kind', 'spec', field, 'lifetime', 'data')
if held[1] and (held[1] ~= kind or held[2] ~= spec) then
  return redis.error_reply('OTHERSTATE ' .. held[1] .. ' of ' .. held[2])
end
local found = redis.call('TYPE', KEYS[2]).ok
-- Redis may evict the data alone. Then the state begins anew, and a batch that it had is not in it any more.
local lost = 0
if held[5] == '1' and found == 'none' then
  redis.call('DEL', about)
  held, lost = {}, 1
end
local last = tonumber(held[3] or '0')
if last >= batch then
  return {last, lost}
end
if found ~= 'none' and found ~= ARGV[2] then
  return redis.error_reply('OTHERTYPE ' .. KEYS[2] .. ' is a ' .. found)
end
-- What is there of a state that is not is somebody else's.
if found ~= 'none' and not held[1] then
  return redis.error_reply('OTHERTYPE ' .. KEYS[2] .. ' is a ' .. found .. ', and not of this state')
end
local first = 8 + 2 * tonumber(ARGV[7])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- The longest lifetime that anybody gave is that of the state: who adds for ever does not lose it to who does not.
local lifetime = tonumber(ARGV[6])
if held[1] then
  -- Earlier versions did not note it.
  local given = tonumber(held[4] or math.max(redis.call('PTTL', about), 0))
  lifetime = lifetime > 0 and given > 0 and math.max(lifetime, given) or 0
end
local function live(key)
  if lifetime > 0 then
    redis.call('PEXPIRE', key, lifetime)
  else
    redis.call('PERSIST', key)
  end
end
