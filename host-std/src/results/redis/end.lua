
for at = 7, first - 2, 2 do
  redis.call('HINCRBY', about, ARGV[at], ARGV[at + 1])
end
redis.call('HSET', about, 'kind', kind, 'spec', spec, field, ARGV[4])
if lifetime > 0 then
  redis.call('PEXPIRE', about, lifetime)
  redis.call('PEXPIRE', KEYS[2], lifetime)
end
if kind == 'graph' then
  -- The list outlives all that is on it, whatever lifetimes the writers give: else that would be nobody's.
  local latest = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
  for at = 1, 2 do
    if latest == 'inf' then
      redis.call('PERSIST', KEYS[at])
    elseif latest and tonumber(latest) > now + lifetime then
      redis.call('PEXPIREAT', KEYS[at], latest)
    end
  end
end
return last
