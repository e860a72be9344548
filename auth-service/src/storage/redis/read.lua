-- A session and the time. KEYS: the hash of a user's sessions. ARGV: the session.
local time = redis.call('TIME')
local value = not is_foreign(KEYS[1]) and redis.call('HGET', KEYS[1], ARGV[1])
return { value, time[1] * 1000 + math.floor(time[2] / 1000) }
