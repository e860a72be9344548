-- KEYS: the hash of a user's sessions. ARGV: the session.
if not is_foreign(KEYS[1]) then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
