-- Trims the oldest entries, at most 64, and never the newest one. The newest of those that are trimmed stays: a
-- client that has received it, and nothing after it, has missed nothing.
-- KEYS[3]: the topics that have ended. ARGV: how many entries stay at most besides that one, and for how many
-- milliseconds.
-- Returns how many were removed.
local most, age = tonumber(ARGV[1]), tonumber(ARGV[2])
-- The clocks of gateways may differ.
local now = redis.call('TIME')
local oldest = now[1] * 1000 + math.floor(now[2] / 1000) - age
local trimmed = redis.call('HGET', KEYS[2], 'trimmed')
local function is_young(entry)
    return tonumber(string.match(entry[1], '^%d+')) >= oldest
end
-- Mostly there is nothing to do, and an entry may be large.
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 2)
local left = entries[1] and entries[1][1] == trimmed and 1 or 0
local over = redis.call('XLEN', KEYS[1]) - left - most
if over <= 0 and (#entries < 2 or is_young(entries[2])) then
    return 0
end
entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 65)
local count = 0
for i = 1, #entries - 1 do
    if i - left > over and is_young(entries[i]) then
        break
    end
    count = i
end
if count == 0 then
    return 0
end
for i = 1, count do
    local fields = {}
    for j = 1, #entries[i][2], 2 do
        fields[entries[i][2][j]] = entries[i][2][j + 1]
    end
    -- The topic may be used again.
    if fields.e == 'done' and fields.t and redis.call('HGET', KEYS[3], fields.t) == entries[i][1] then
        redis.call('HDEL', KEYS[3], fields.t)
    end
end
local newest = entries[count][1]
local removed = redis.call('XTRIM', KEYS[1], 'MINID', newest)
if trimmed and precedes(trimmed, newest) then
    redis.call('HSET', KEYS[2], 'trimmed', newest)
end
return removed
