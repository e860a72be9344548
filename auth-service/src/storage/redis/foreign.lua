-- Whether another program has put a value of another type in place of a user's sessions, which then count as lost.
local function is_foreign(key)
  local answer = redis.pcall('HGET', key, '')
  return type(answer) == 'table' and answer.err ~= nil and string.find(answer.err, 'WRONGTYPE', 1, true) ~= nil
end
