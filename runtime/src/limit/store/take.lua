-- Takes of every window of KEYS, or of none. ARGV holds for each: its limit, the amount, the width of a
-- cell in microseconds.
--
-- Answers 1 if it was taken, else 0; then for each window: the tick, what is left, how long until there is
-- room (0: there is, -1: never), how long until nothing is taken.

local windows, fits = {}, true
for place, key in ipairs(KEYS) do
  local limit = tonumber(ARGV[place * 3 - 2])
  local amount = tonumber(ARGV[place * 3 - 1])
  local width = tonumber(ARGV[place * 3])
  local tick, used = sweep(key, width)
  local excess = used + amount - limit
  fits = fits and excess <= 0
  windows[place] = {
    key = key, limit = limit, amount = amount, width = width, tick = tick, used = used, excess = excess
  }
end

-- How long until so much has left that there is room.
local function time_to_room(window)
  local ticks = {}
  for tick = window.tick - CELLS + 1, window.tick do
    ticks[#ticks + 1] = tick
  end
  local excess = window.excess
  for place, count in ipairs(redis.call('HMGET', window.key, unpack(ticks))) do
    excess = excess - (tonumber(count) or 0)
    if excess <= 0 then
      return math.max(time_to_leave(ticks[place], window.width), 1)
    end
  end
  return -1
end

local answer = { fits and 1 or 0 }
local function tell(number)
  answer[#answer + 1] = number
end
for _, window in ipairs(windows) do
  local used, wait, newest = window.used, 0, nil
  if fits then
    put(window.key, window.width, window.tick, used, window.amount)
    used, newest = used + window.amount, window.tick
  else
    if window.excess > 0 then
      wait = time_to_room(window)
    end
    newest = tonumber(redis.call('HGET', window.key, 'newest'))
  end
  tell(window.tick)
  tell(math.max(window.limit - used, 0))
  tell(wait)
  tell(newest and math.max(time_to_leave(newest, window.width), 0) or 0)
end
return answer
