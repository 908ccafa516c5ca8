-- What the scripts share. KEYS[1] is the log, a stream, and KEYS[2] its state, a hash:
--   epoch, reason    the epoch, and why it began
--   trimmed          the position that precedes what clients can read in this epoch; the log has its entry
--   last             the newest entry that a gateway has added
--   run_id, replid   the Redis that has it
--   durable          1 if that writes each command to disk before it is acknowledged

-- Returns whether an ID is less than another; numbers of Lua are too small for IDs.
local function precedes(a, b)
    local am, as = string.match(a, '^(%d+)%-(%d+)$')
    local bm, bs = string.match(b, '^(%d+)%-(%d+)$')
    if am ~= bm then
        return #am < #bm or (#am == #bm and am < bm)
    end
    return #as < #bs or (#as == #bs and as < bs)
end

local function has(id)
    return #redis.call('XRANGE', KEYS[1], id, id) == 1
end

-- Returns whether the log is that of an epoch, and has lost nothing in it.
local function is_epoch(epoch)
    local state = redis.call('HMGET', KEYS[2], 'epoch', 'last')
    return state[1] == epoch and state[2] and has(state[2])
end

local function add(...)
    local id = redis.call('XADD', KEYS[1], '*', ...)
    redis.call('HSET', KEYS[2], 'last', id)
    return id
end
