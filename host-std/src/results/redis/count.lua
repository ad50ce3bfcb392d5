
-- Counts: number of the key, field, increment.
for at = first, #ARGV, 3 do
  redis.call('HINCRBY', KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2])
end
