-- The beginning of every script that adds a batch to a state: whether the state is of this kind, and whether the
-- batch was added before. A script is atomic, so what it notes about the batch and what it adds are one.
--
-- KEYS[1] the hash about the state, KEYS[2] the hash of its data, or of a graph the list of its nodes, KEYS[3..] these
-- ARGV    kind, spec, writer, number of the batch, milliseconds to live (0: for ever), number of counters,
--         name and increment of each counter, then what the kind needs, from ARGV[first] on
-- returns the number of the last batch that this writer had added before
local about, kind, spec, field = KEYS[1], ARGV[1], ARGV[2], 'writer:' .. ARGV[3]
local held = redis.call('HMGET', about, 'kind', 'spec', field)
if held[1] and (held[1] ~= kind or held[2] ~= spec) then
  return redis.error_reply('OTHERSTATE ' .. held[1] .. ' of ' .. held[2])
end
local last = tonumber(held[3] or '0')
if last >= tonumber(ARGV[4]) then
  return last
end
local found = redis.call('TYPE', KEYS[2]).ok
if found ~= 'none' and found ~= (kind == 'graph' and 'zset' or 'hash') then
  return redis.error_reply('OTHERTYPE ' .. KEYS[2] .. ' is a ' .. found)
end
-- What is there of a state that is not is somebody else's.
if found ~= 'none' and not held[1] then
  return redis.error_reply('OTHERTYPE ' .. KEYS[2] .. ' is a ' .. found .. ', and not of this state')
end
local first = 7 + 2 * tonumber(ARGV[6])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local lifetime = tonumber(ARGV[5])
