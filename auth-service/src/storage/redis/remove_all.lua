-- KEYS: the index of a user's sessions. ARGV: what their keys begin with, the name of the one that stays ('' for none).
-- The other keys share the index's hash tag.
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if name ~= ARGV[2] then
    redis.call('DEL', ARGV[1] .. name)
    redis.call('ZREM', KEYS[1], name)
  end
end
