-- Whether anything can be written: a server whose memory is full, or that is a replica, says no. Leaves nothing behind.
redis.call('SET', KEYS[1], '')
redis.call('DEL', KEYS[1])
