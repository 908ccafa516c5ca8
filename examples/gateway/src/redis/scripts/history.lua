-- Reads a page of entries around a position.
-- ARGV: epoch, position, how many entries until the position and how many after it, how many bytes of the latter
-- (at least one entry).
-- Returns epoch and trimmed; and unless the epoch is another one or the position is trimmed, the entries until the
-- position, the newest first, and those after it.
local epoch, position, before, after, most = unpack(ARGV)
local state = redis.call('HMGET', KEYS[2], 'epoch', 'trimmed')
if state[1] ~= epoch or precedes(position, state[2]) then
    return { state[1] or '', state[2] or '', {}, {} }
end
local until_it = redis.call('XREVRANGE', KEYS[1], position, state[2], 'COUNT', before)
local following = redis.call('XRANGE', KEYS[1], '(' .. position, '+', 'COUNT', after)
local bytes = 0
for i = 1, #following do
    for _, field in ipairs(following[i][2]) do
        bytes = bytes + #field
    end
    if i > 1 and bytes > tonumber(most) then
        return { state[1], state[2], until_it, { unpack(following, 1, i - 1) } }
    end
end
return { state[1], state[2], until_it, following }
