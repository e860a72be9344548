-- All sessions of a user and the time. KEYS: the hash of a user's sessions.
local time = redis.call('TIME')
return { redis.call('HGETALL', KEYS[1]), time[1] * 1000 + math.floor(time[2] / 1000) }
