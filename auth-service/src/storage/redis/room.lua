-- Whether less than a tenth of the memory is left, and Redis evicts nothing. That tenth is kept for existing sessions:
-- a refresh writes as well.
local function is_nearly_full()
  local info = redis.pcall('INFO', 'memory')
  if type(info) ~= 'string' or not string.find(info, 'maxmemory_policy:noeviction', 1, true) then
    return false
  end
  local limit = tonumber(string.match(info, '\nmaxmemory:(%d+)'))
  local used = tonumber(string.match(info, '\nused_memory:(%d+)'))
  return limit ~= nil and used ~= nil and limit > 0 and used > limit * 0.9
end
