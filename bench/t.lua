-- Strings, tables, closures, floating point; the argument says how often.
local n = tonumber(arg[1])

local function sieve(m)
    local is, count = {}, 0
    for i = 2, m do is[i] = true end
    for i = 2, m do
        if is[i] then
            count = count + 1
            for k = i * i, m, i do is[k] = false end
        end
    end
    return count
end

local function words(m)
    local seen, list = {}, {}
    for i = 1, m do
        local w = string.format("w%d", i * 7919 % 1000)
        seen[w] = (seen[w] or 0) + #w
    end
    for w, c in pairs(seen) do list[#list + 1] = w .. c end
    table.sort(list)
    return table.concat(list, ",")
end

local function orbit(m)
    local x, y, vx, vy = 1.0, 0.0, 0.0, 1.0
    for _ = 1, m do
        local r = (x * x + y * y) ^ 1.5
        vx, vy = vx - 0.001 * x / r, vy - 0.001 * y / r
        x, y = x + 0.001 * vx, y + 0.001 * vy
    end
    return x
end

local function counter()
    local c = 0
    return function(d) c = c + d; return c end
end

local total, add = 0, counter()
for i = 1, n do
    total = total + sieve(30000) + #words(20000) + add(i)
    total = total + math.floor(orbit(50000) * 1000)
end
print(total)
