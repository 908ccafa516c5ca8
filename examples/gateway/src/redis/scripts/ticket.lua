-- Remembers a ticket until it is redeemed or expires, unless its user has too many.
-- KEYS[1]: the ticket. KEYS[2]: how many tickets the user had in about the same time. ARGV: user, seconds, how many.
local user, seconds, most = unpack(ARGV)
local count = redis.call('INCR', KEYS[2])
if count == 1 then
    redis.call('EXPIRE', KEYS[2], seconds)
end
if count > tonumber(most) then
    return 0
end
redis.call('SET', KEYS[1], user, 'EX', seconds)
return 1
