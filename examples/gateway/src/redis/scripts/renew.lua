-- Adds the renewal of a user's streams, unless there was one within the last second that did as much: all gateways
-- read them.
-- KEYS[3]: until when the last one with these rights was. ARGV: epoch, user, rights, expiry.
local epoch, user, rights, expiry = unpack(ARGV)
if not is_epoch(epoch) then
    return { 'epoch' }
end
local known = redis.call('GET', KEYS[3])
if not known or tonumber(known) + 1 < tonumber(expiry) then
    redis.call('SET', KEYS[3], expiry, 'EX', 1)
    add('c', 'renew', 'u', user, 'r', rights, 'at', expiry)
end
return { 'ok' }
