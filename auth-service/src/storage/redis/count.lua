-- What a counter shows, and for how many milliseconds. KEYS: the counter.
-- ARGV: nothing to read it, or the window in milliseconds to add one.
local value
if ARGV[1] then
  if redis.call('EXISTS', KEYS[1]) == 0 and is_nearly_full() then
    return redis.error_reply('FULL no room for one counter more')
  end
  value = redis.call('INCR', KEYS[1])
  if redis.call('PTTL', KEYS[1]) < 0 then
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
  end
else
  value = tonumber(redis.call('GET', KEYS[1]) or 0)
end
return { value, math.max(redis.call('PTTL', KEYS[1]), 0) }
