-- Removes up to so many of the nodes of a graph, and if these are all the rest of it.
--
-- KEYS    the hash about the graph, the list of its nodes
-- ARGV    the databases of the state and of its nodes, how many
-- returns how many keys were removed, and whether that was all
local home, there, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local function select(database)
  if home ~= there then
    redis.call('SELECT', database)
  end
end
-- What has such a name after it has expired is somebody else's.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
local nodes = redis.call('ZRANGE', KEYS[2], 0, most - 1)
local removed = 0
select(there)
for _, node in ipairs(nodes) do
  if redis.call('TYPE', node).ok == 'zset' then
    removed = removed + redis.call('UNLINK', node)
  end
end
select(home)
if #nodes < most then
  return {removed + redis.call('UNLINK', KEYS[1], KEYS[2]), 1}
end
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, most - 1)
return {removed, 0}
