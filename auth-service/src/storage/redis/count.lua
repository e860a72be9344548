-- What a counter shows, and for how many milliseconds. KEYS: the counter.
-- ARGV: nothing to read it, or the window in milliseconds to add one.
local value
if ARGV[1] then
  value = redis.call('INCR', KEYS[1])
  if redis.call('PTTL', KEYS[1]) < 0 then
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
  end
else
  value = tonumber(redis.call('GET', KEYS[1]) or 0)
end
return { value, math.max(redis.call('PTTL', KEYS[1]), 0) }
