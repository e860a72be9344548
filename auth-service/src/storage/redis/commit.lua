-- Compare-and-swap. KEYS: the session, the index of its user's sessions.
-- ARGV: how the stored text must begin ('' if there must be none), the new text, when it expires, the session's name, until
-- when the commit counts.
local stored = redis.call('GET', KEYS[1])
local expected, text, expires_at, name, not_after = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local is_as_expected
if expected == '' then
  is_as_expected = not stored
else
  is_as_expected = stored and string.sub(stored, 1, #expected) == expected
end
-- A commit whose answer was lost is asked for again, and finds itself.
if stored ~= text and (not is_as_expected or now > tonumber(not_after)) then
  return 0
end

redis.call('SET', KEYS[1], text, 'PXAT', expires_at)

-- The index holds what has not expired, and lives as long as the session that expires last.
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], expires_at, name)
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[2], last[2])
return 1
