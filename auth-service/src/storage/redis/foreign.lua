-- Whether somebody else has put something of another type where a user's sessions are: they count as lost.
local function is_foreign(key)
  local answer = redis.pcall('HGET', key, '')
  return type(answer) == 'table' and answer.err ~= nil and string.find(answer.err, 'WRONGTYPE', 1, true) ~= nil
end
