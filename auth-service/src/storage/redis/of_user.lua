-- KEYS: the index of a user's sessions. ARGV: what their keys begin with; they share the index's hash tag.
local texts = {}
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local text = redis.call('GET', ARGV[1] .. name)
  if text then
    texts[#texts + 1] = text
  end
end
return texts
