-- Reads a page of entries around a position.
-- ARGV: epoch, position, then how many entries and bytes until the position, and how many after it, at least one
-- entry of both.
-- Returns epoch and trimmed; and unless the epoch is another one or the position is trimmed, the entries until the
-- position, the newest first, and those after it.
local epoch, position = ARGV[1], ARGV[2]

-- In small steps: an entry may be large.
local function read(command, from, to, most, bytes)
    local found, size, step = {}, 0, 4
    while #found < most do
        local count = math.min(step, most - #found)
        local part = redis.call(command, KEYS[1], from, to, 'COUNT', count)
        for _, entry in ipairs(part) do
            for _, field in ipairs(entry[2]) do
                size = size + #field
            end
            if #found > 0 and size > bytes then
                return found
            end
            found[#found + 1] = entry
        end
        if #part < count then
            return found
        end
        from = '(' .. found[#found][1]
        step = step * 4
    end
    return found
end

local state = redis.call('HMGET', KEYS[2], 'epoch', 'trimmed')
if state[1] ~= epoch or precedes(position, state[2]) then
    return { state[1] or '', state[2] or '', {}, {} }
end
local until_it = read('XREVRANGE', position, state[2], tonumber(ARGV[3]), tonumber(ARGV[4]))
local following = read('XRANGE', '(' .. position, '+', tonumber(ARGV[5]), tonumber(ARGV[6]))
return { state[1], state[2], until_it, following }
