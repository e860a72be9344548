-- KEYS: the hash of a user's sessions. ARGV: the session.
redis.call('HDEL', KEYS[1], ARGV[1])
