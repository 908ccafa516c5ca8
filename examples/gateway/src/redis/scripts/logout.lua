-- Adds the logout of a user.
-- KEYS[3]: users by the time of their logout. ARGV: epoch, user, time, how many users are remembered, the time
-- since which the user has been logged in.
local epoch, user, time, most, since = unpack(ARGV)
if not is_epoch(epoch) then
    return { 'epoch' }
end
local known = redis.call('ZSCORE', KEYS[3], user)
if not known or tonumber(known) < tonumber(since) then
    redis.call('ZADD', KEYS[3], 'GT', time, user)
    redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -1 - most)
    add('c', 'logout', 'u', user, 'at', time)
end
return { 'ok' }
