-- Puts what was used in place of what was taken, for each window of KEYS. ARGV holds for each: the width of
-- a cell in microseconds, the tick at which it was taken, what of it is given back, what was used beyond it.

for place, key in ipairs(KEYS) do
  local width = tonumber(ARGV[place * 4 - 3])
  local tick = ARGV[place * 4 - 2]
  local unused = tonumber(ARGV[place * 4 - 1])
  local more = tonumber(ARGV[place * 4])
  -- What has left the window is not there to be given back.
  local given = math.min(tonumber(redis.call('HGET', key, tick)) or 0, unused)
  if given > 0 then
    redis.call('HINCRBY', key, tick, -given)
    redis.call('HINCRBY', key, 'used', -given)
  end
  if more > 0 then
    local present, used = sweep(key, width)
    put(key, width, present, used, more)
  end
end
