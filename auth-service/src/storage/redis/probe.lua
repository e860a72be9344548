-- Does everything that the other scripts do: it fails on a server whose memory is full, that is a replica, or whose ACL
-- does not allow it. Leaves nothing behind. KEYS: a text, a hash.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[1], '0', 'PXAT', now + 1000)
redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], 1000)
redis.call('PTTL', KEYS[1])
redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])
-- Another program may have put anything there.
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'probe', '0')
redis.call('PEXPIREAT', KEYS[2], now + 1000)
redis.call('HGET', KEYS[2], 'probe')
redis.call('HGETALL', KEYS[2])
redis.call('HKEYS', KEYS[2])
redis.call('HDEL', KEYS[2], 'probe')
redis.call('DEL', KEYS[2])
