-- Adds an event, once.
-- KEYS[3]: the topics that have ended. KEYS[4]: what was published with the key, if there is a key.
-- ARGV: epoch, digest of the body, seconds for which the key is remembered, 1 if the event is the last of its
-- topic, the topic, then the fields of the entry.
local epoch, digest, lifetime, is_last, topic = unpack(ARGV)
if not is_epoch(epoch) then
    return { 'epoch' }
end
if KEYS[4] then
    local known = redis.call('GET', KEYS[4])
    local known_digest, known_epoch, id = string.match(known or '', '^(%S+) (%S+)%.(%S+)$')
    -- What was added in an earlier epoch may have reached nobody. Clients have had a gap.
    if known_epoch == epoch then
        return known_digest == digest and { 'ok', epoch .. '.' .. id } or { 'conflict' }
    end
end
if redis.call('HEXISTS', KEYS[3], topic) == 1 then
    return { 'ended' }
end
local id = add(unpack(ARGV, 6))
if is_last == '1' then
    redis.call('HSET', KEYS[3], topic, id)
end
id = epoch .. '.' .. id
if KEYS[4] then
    redis.call('SET', KEYS[4], digest .. ' ' .. id, 'EX', lifetime)
end
return { 'ok', id }
