-- Decides for a gateway that has connected whether the epoch continues.
-- KEYS[3]: the topics that have ended. ARGV: run ID, replication ID and the one before it, whether each
-- write is on disk before it is acknowledged, the gateway's epoch and the newest position that it knows of
-- (both may be empty), the next epoch.
-- Returns epoch, reason, trimmed, and the newest ID of the log.
local run_id, replid, replid2, durable, own, seen, new = unpack(ARGV)
local state = {}
local fields = redis.call('HGETALL', KEYS[2])
for i = 1, #fields, 2 do
    state[fields[i]] = fields[i + 1]
end

local function reason()
    if not (state.epoch and state.trimmed and state.last and has(state.last)) then
        -- Or there was nothing yet; then no client has an ID.
        return 'deleted'
    elseif state.replid ~= replid and string.find(replid2, '[^0]') then
        -- It was a replica. Replication is asynchronous: what the master had not sent is lost.
        return 'failover'
    elseif state.run_id ~= run_id and (durable ~= '1' or state.durable ~= '1') then
        return 'restarted'
    elseif own == state.epoch and not precedes(seen, state.trimmed) and not has(seen) then
        return 'lost'
    end
end

local why = reason()
local is_other = state.run_id ~= run_id or state.replid ~= replid or state.durable ~= durable
if why or is_other or not has(state.trimmed) then
    -- Out of memory, Redis allows a script all its writes if the first one can free memory.
    redis.call('XTRIM', KEYS[1], 'MINID', '0')
end
if why then
    state = { epoch = new, reason = why }
    if why == 'deleted' then
        redis.call('DEL', KEYS[3])
    end
    local id = add('c', 'epoch')
    state.trimmed = id
    redis.call('HSET', KEYS[2], 'epoch', new, 'reason', why, 'trimmed', id)
end
if not has(state.trimmed) then
    -- An operator has trimmed the log, too.
    state.trimmed = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1][1]
    redis.call('HSET', KEYS[2], 'trimmed', state.trimmed)
end
if is_other then
    redis.call('HSET', KEYS[2], 'run_id', run_id, 'replid', replid, 'durable', durable)
end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]
return { state.epoch, state.reason, state.trimmed, last }
