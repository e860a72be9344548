-- Compare-and-swap. KEYS: the hash of a user's sessions.
-- ARGV: the session, the record that must be there ('' if there must be none), the new value, the latest time for the
-- commit.
local field, expected, value, not_after = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The first eight bytes of a value: when it expires.
local function expiry(text)
  return struct.unpack('>I8', text)
end

if is_foreign(KEYS[1]) then
  redis.call('DEL', KEYS[1])
end
local stored = redis.call('HGET', KEYS[1], field)
-- A value that auth-service did not write counts as none, and is overwritten.
if stored and (#stored < 8 or expiry(stored) <= now) then
  stored = false
end
local record = stored and string.sub(stored, 9) or ''
-- A commit that is repeated because its answer was lost finds its own value, and succeeds.
if stored ~= value and (record ~= expected or now > not_after) then
  return 0
end

-- The hash lives as long as the session that expires last.
local last = math.max(expiry(value), now + redis.call('PTTL', KEYS[1]))
redis.call('HSET', KEYS[1], field, value)
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last))

-- A new session makes room: expired ones are removed.
if expected == '' then
  local fields = redis.call('HGETALL', KEYS[1])
  for i = 1, #fields, 2 do
    if #fields[i + 1] < 8 or expiry(fields[i + 1]) <= now then
      redis.call('HDEL', KEYS[1], fields[i])
    end
  end
end
return 1
