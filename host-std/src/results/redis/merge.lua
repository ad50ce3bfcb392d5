
-- Moments: the numbers of `Parts`, in the order of `names`. They are merged as in the core, with the same double-double
-- arithmetic: Lua's numbers are IEEE 754 doubles, and every operation is rounded by itself.
local names = {'count', 'min', 'max', 'exponent', 'pivot', 's1', 's1_rest', 's2', 's2_rest', 's3', 's3_rest',
  's4', 's4_rest'}

-- a + b rounded, and what rounding took away (Knuth).
local function two_sum(a, b)
  local sum = a + b
  local part = sum - a
  return sum, (a - (sum - part)) + (b - part)
end

-- The same where |a| >= |b|, or a is 0 (Dekker).
local function quick_two_sum(a, b)
  local sum = a + b
  return sum, b - (sum - a)
end

local function halves(a)
  local t = 134217729 * a
  local high = t - (t - a)
  return high, a - high
end

-- a * b rounded, and what rounding took away (Dekker).
local function two_product(a, b)
  local product = a * b
  local a_high, a_low = halves(a)
  local b_high, b_low = halves(b)
  return product, ((a_high * b_high - product) + (a_high * b_low + a_low * b_high)) + a_low * b_low
end

local function add(a, a_rest, b, b_rest)
  local sum, carry = two_sum(a, b)
  local low, rest = two_sum(a_rest, b_rest)
  sum, carry = quick_two_sum(sum, carry + low)
  return quick_two_sum(sum, carry + rest)
end

local function multiply(a, a_rest, b, b_rest)
  local product, rest = two_product(a, b)
  return quick_two_sum(product, rest + (a * b_rest + a_rest * b))
end

local function divide(a, a_rest, divisor)
  local first = a / divisor
  local p, p_rest = multiply(divisor, 0, first, 0)
  local rest, rest_rest = add(a, a_rest, -p, -p_rest)
  local second = rest / divisor
  p, p_rest = multiply(divisor, 0, second, 0)
  rest, rest_rest = add(rest, rest_rest, -p, -p_rest)
  local q, q_rest = quick_two_sum(first, second)
  return add(q, q_rest, rest / divisor, 0)
end

-- Sums about `pivot` instead, by the binomial identities:
-- S1' = S1 - n e, S2' = S2 - e (2 S1 - n e), S3' = S3 - e (3 S2 - e (3 S1 - n e)), and so on.
local function move(part, pivot)
  local e, f = two_sum(pivot, -part.pivot)
  local ne, nf = multiply(part.count, 0, e, f)
  local s = part.sums
  -- factor * S_at - (t, u)
  local function less(factor, at, t, u)
    local p, q = multiply(factor, 0, s[at], s[at + 1])
    return add(p, q, -t, -u)
  end
  local function times_e(t, u)
    return multiply(e, f, t, u)
  end
  local a1, b1 = less(1, 1, ne, nf)
  local a2, b2 = less(1, 3, times_e(less(2, 1, ne, nf)))
  local a3, b3 = less(1, 5, times_e(less(3, 3, times_e(less(3, 1, ne, nf)))))
  local a4, b4 = less(1, 7, times_e(less(4, 5, times_e(less(6, 3, times_e(less(4, 1, ne, nf)))))))
  part.pivot, part.sums = pivot, {a1, b1, a2, b2, a3, b3, a4, b4}
end

-- The same sums of values 2^exponent times as large; exact.
local function scale(part, exponent)
  local by = exponent - part.exponent
  part.exponent = exponent
  part.pivot = math.ldexp(part.pivot, by)
  for at = 1, 8 do
    part.sums[at] = math.ldexp(part.sums[at], by * math.ceil(at / 2))
  end
end

local function part(values)
  local numbers = {}
  for at = 1, #names do
    numbers[at] = tonumber(values[at])
  end
  local sums = {}
  for at = 1, 8 do
    sums[at] = numbers[5 + at]
  end
  return {count = numbers[1], min = numbers[2], max = numbers[3], exponent = numbers[4], pivot = numbers[5], sums = sums}
end

local function all_zero(part)
  return part.min == 0 and part.max == 0
end

local arrived = {}
for at = 1, #names do
  arrived[at] = ARGV[first + at - 1]
end
local more = part(arrived)
local held_parts = redis.call('HMGET', KEYS[2], unpack(names))
if more.count > 0 then
  local merged = more
  if held_parts[1] then
    local here = part(held_parts)
    -- The scale of the larger magnitudes, which is the smaller exponent; zeros fit any.
    local exponent = math.min(here.exponent, more.exponent)
    if all_zero(here) then
      exponent = more.exponent
    elseif all_zero(more) then
      exponent = here.exponent
    end
    scale(here, exponent)
    scale(more, exponent)
    local near, far = here, more
    if far.pivot < near.pivot then
      near, far = far, near
    end
    local total = here.count + more.count
    local d, d_rest = two_sum(far.pivot, -near.pivot)
    d, d_rest = multiply(d, d_rest, far.count, 0)
    local s, s_rest = add(near.sums[1], near.sums[2], far.sums[1], far.sums[2])
    s, s_rest = add(s, s_rest, d, d_rest)
    s, s_rest = divide(s, s_rest, total)
    local pivot = add(near.pivot, 0, s, s_rest)
    move(here, pivot)
    move(more, pivot)
    local sums = {}
    for at = 1, 7, 2 do
      sums[at], sums[at + 1] = add(here.sums[at], here.sums[at + 1], more.sums[at], more.sums[at + 1])
    end
    merged = {count = total, min = math.min(here.min, more.min), max = math.max(here.max, more.max),
      exponent = exponent, pivot = pivot, sums = sums}
  end
  local out = {merged.count, merged.min, merged.max, merged.exponent, merged.pivot, unpack(merged.sums)}
  local fields = {}
  for at = 1, #names do
    fields[2 * at - 1], fields[2 * at] = names[at], string.format('%.17g', out[at])
  end
  redis.call('HSET', KEYS[2], unpack(fields))
end
