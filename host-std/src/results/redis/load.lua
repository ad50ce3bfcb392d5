-- The data and what is about it, as of one moment. Redis runs what only reads when it is full, too, but no MULTI.
--
-- KEYS    the hash about the state, the hash of its data
-- returns all of the data, and all that is about it
return {redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[1])}
