-- Adds the renewal of a user's streams, at most one each second: all gateways read them.
-- KEYS[3]: whether there was one within the last second. ARGV: epoch, user, rights, expiry.
local epoch, user, rights, expiry = unpack(ARGV)
if not is_epoch(epoch) then
    return { 'epoch' }
end
if redis.call('SET', KEYS[3], '1', 'EX', 1, 'NX') then
    add('c', 'renew', 'u', user, 'r', rights, 'at', expiry)
end
return { 'ok' }
