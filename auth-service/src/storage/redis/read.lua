-- A session and the time. KEYS: the hash of a user's sessions. ARGV: the session.
local time = redis.call('TIME')
return { redis.call('HGET', KEYS[1], ARGV[1]), time[1] * 1000 + math.floor(time[2] / 1000) }
