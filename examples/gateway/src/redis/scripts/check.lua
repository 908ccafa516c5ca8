-- Says what a gateway needs to know about the entries that it has just read.
-- ARGV: the position after which it has read.
-- Returns epoch, trimmed, and 1 if the log has this position.
local state = redis.call('HMGET', KEYS[2], 'epoch', 'trimmed')
return { state[1] or '', state[2] or '', has(ARGV[1]) and 1 or 0 }
