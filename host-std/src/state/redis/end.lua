
redis.call('HSET', about, 'kind', kind, 'spec', spec, field, ARGV[4])
if ARGV[5] ~= '0' then
  for at = 1, #KEYS do
    redis.call('PEXPIRE', KEYS[at], ARGV[5])
  end
end
return last
