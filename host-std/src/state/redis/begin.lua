-- The beginning of every script that adds a batch to a state: whether the state is of this kind, and whether the
-- batch was added before. A script is atomic, so what it notes about the batch and what it adds are one.
--
-- KEYS[1] the hash about the state, KEYS[2..] its data
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
local wanted = kind == 'graph' and 'zset' or 'hash'
for at = 2, #KEYS do
  local found = redis.call('TYPE', KEYS[at]).ok
  if found ~= 'none' and found ~= wanted then
    return redis.error_reply('OTHERTYPE ' .. KEYS[at] .. ' is a ' .. found)
  end
end
local first = 7 + 2 * tonumber(ARGV[6])
for at = 7, first - 2, 2 do
  redis.call('HINCRBY', about, ARGV[at], ARGV[at + 1])
end
