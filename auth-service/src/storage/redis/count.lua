-- The value of a counter, and the milliseconds until it expires. KEYS: the counter.
-- ARGV: nothing to read it, or the window in milliseconds to add one.
local text = redis.pcall('GET', KEYS[1])
if type(text) == 'table' and not string.find(text.err, 'WRONGTYPE', 1, true) then
  return text
end
-- A value that is not a count, or never expires, was written by another program, and counts as none.
local left = redis.call('PTTL', KEYS[1])
local is_ours = type(text) == 'string' and #text <= 15 and string.match(text, '^[1-9]%d*$') and left >= 0
if not ARGV[1] then
  return { is_ours and tonumber(text) or 0, is_ours and left or 0 }
end
if not is_ours then
  if is_nearly_full() then
    return redis.error_reply('FULL no room for one counter more')
  end
  redis.call('DEL', KEYS[1])
end
local value = redis.call('INCR', KEYS[1])
if not is_ours then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return { value, math.max(redis.call('PTTL', KEYS[1]), 0) }
