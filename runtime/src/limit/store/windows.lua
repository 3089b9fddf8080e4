-- Windows of time in which many gateways count together; the same promise as `decide`'s `limit/window.rs`.
--
-- Each is a hash. What was taken is counted by tick, the time in widths of a cell; a tick counts until all
-- of it lies outside of the window. `used` is the sum of them, `swept` the tick up to which what has left
-- was taken out, `newest` the last one in which something was taken.
--
-- The time is this server's, so the clocks of gateways do not matter.

local CELLS = 64

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- Takes out what has left the window; returns its tick, which never goes back, and what is used.
local function sweep(key, width)
  local tick = math.floor(now / width)
  local state = redis.call('HMGET', key, 'swept', 'used')
  local swept, used = tonumber(state[1]), tonumber(state[2])
  if not swept then
    return tick, 0
  end
  if swept >= tick + CELLS then
    -- The clock was set back by more than a window: nobody knows how old anything is.
    redis.call('DEL', key)
    return tick, 0
  end
  if swept >= tick then
    return swept, used
  end
  local leaving = {}
  for old = swept - CELLS + 1, math.min(swept, tick - CELLS) do
    leaving[#leaving + 1] = old
  end
  if #leaving > 0 then
    for _, count in ipairs(redis.call('HMGET', key, unpack(leaving))) do
      used = used - (tonumber(count) or 0)
    end
    redis.call('HDEL', key, unpack(leaving))
  end
  redis.call('HSET', key, 'swept', tick, 'used', used)
  return tick, used
end

-- Counts `amount` at `tick`. Without another, the window is forgotten once all of it has left.
local function put(key, width, tick, used, amount)
  redis.call('HINCRBY', key, tick, amount)
  redis.call('HSET', key, 'swept', tick, 'used', used + amount, 'newest', tick)
  redis.call('PEXPIRE', key, math.ceil(width * (CELLS + 1) / 1000))
end

-- How long until all of `tick` has left the window, in microseconds.
local function time_to_leave(tick, width)
  return (tick + CELLS) * width - now
end
