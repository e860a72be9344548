-- KEYS: the hash of a user's sessions. ARGV: the one that stays ('' for none).
if is_foreign(KEYS[1]) then
  return
end
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if field ~= ARGV[1] then
    redis.call('HDEL', KEYS[1], field)
  end
end
