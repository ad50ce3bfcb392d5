
-- Counts: number of a key, member or field, increment.
for at = first, #ARGV, 3 do
  local key = KEYS[tonumber(ARGV[at])]
  if kind == 'graph' then
    redis.call('ZINCRBY', key, ARGV[at + 2], ARGV[at + 1])
  else
    redis.call('HINCRBY', key, ARGV[at + 1], ARGV[at + 2])
  end
end
