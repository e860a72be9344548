-- All sessions of a user and the time. KEYS: the hash of a user's sessions.
local time = redis.call('TIME')
local sessions = is_foreign(KEYS[1]) and {} or redis.call('HGETALL', KEYS[1])
return { sessions, time[1] * 1000 + math.floor(time[2] / 1000) }
