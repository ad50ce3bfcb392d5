
for at = 8, first - 2, 2 do
  redis.call('HINCRBY', about, ARGV[at], ARGV[at + 1])
end
redis.call('HSET', about, 'kind', kind, 'spec', spec, 'lifetime', string.format('%.0f', lifetime), field, ARGV[5],
  'data', redis.call('EXISTS', KEYS[2]))
live(about)
live(KEYS[2])
return {last, lost}
