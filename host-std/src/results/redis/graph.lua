
-- The databases of the state and of its nodes; then edges: number of a key, member, increment.
local home, there = ARGV[first], ARGV[first + 1]
local function select(database)
  if home ~= there then
    redis.call('SELECT', database)
  end
end

-- What is there and not on the list is somebody else's.
local listed = {}
for at = 3, #KEYS do
  listed[at] = redis.call('ZSCORE', KEYS[2], KEYS[at])
end
select(there)
for at = 3, #KEYS do
  local found = redis.call('TYPE', KEYS[at]).ok
  if found ~= 'none' and not (found == 'zset' and listed[at]) then
    return redis.error_reply('OTHERTYPE ' .. KEYS[at] .. ' is a ' .. found .. ', and not of this graph')
  end
  -- That it is neither there nor expired; clocks go on while this runs.
  if found == 'none' and listed[at] and (listed[at] == 'inf' or tonumber(listed[at]) > now + 60000) then
    lost = 1
  end
end
for at = first + 2, #ARGV, 3 do
  redis.call('ZINCRBY', KEYS[tonumber(ARGV[at])], ARGV[at + 2], ARGV[at + 1])
end
local expires = lifetime > 0 and string.format('%.0f', now + lifetime) or 'inf'
for at = 3, #KEYS do
  if listed[at] ~= expires then
    live(KEYS[at])
  end
end
select(home)
for at = 3, #KEYS do
  if listed[at] ~= expires then
    redis.call('ZADD', KEYS[2], expires, KEYS[at])
  end
end
-- Those that have expired; a minute later, because the clock may have gone on while this ran.
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now - 60000))
