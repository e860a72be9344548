-- KEYS: the session, the index of its user's sessions. ARGV: the session's name.
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
