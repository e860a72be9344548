-- Compare-and-swap. KEYS: the session, the index of its user's sessions.
-- ARGV: how the stored text must begin ('' if there must be none), the new text, when it expires, the session's name.
local stored = redis.call('GET', KEYS[1])
local expected, text, expires_at, name = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local is_as_expected
if expected == '' then
  is_as_expected = not stored
else
  is_as_expected = stored and string.sub(stored, 1, #expected) == expected
end
-- A commit whose answer was lost is asked for again, and finds itself.
if not is_as_expected and stored ~= text then
  return 0
end

redis.call('SET', KEYS[1], text, 'PXAT', expires_at)

-- The index lives as long as the session that expires last.
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', time[1] * 1000)
redis.call('ZADD', KEYS[2], expires_at, name)
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[2], last[2])
return 1
