#!/usr/bin/env bash
# Measures the gateway on this machine: latency, throughput, loss, wake-ups, memory, and a baseline without HTTP.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/../.."

usage() {
    cat <<END
Usage: examples/gateway/measure.sh [--seconds N] [MEASUREMENT...]

Builds the gateway in release mode, starts one for each measurement, and prints its report. N is how long each rate is
measured (60 unless given). Exits with 0 only if no event was lost or doubled. All measurements, or these:

END
    local name
    for name in "${NAMES[@]}"; do printf '  %-10s %s\n' "$name" "${DOES[$name]}"; done
}

readonly NAMES=(fan-out highest one users slow storm herd idle encoding gzip logins redis)
declare -rA DOES=(
    [fan-out]='500 subscribers, 50 events/s for all of them, beside bare sockets'
    [highest]='2,000 subscribers: the highest rate with a p99 of at most 50 ms, the latency at half of it, and the baseline there'
    [one]='1 subscriber: events/s until the connection saturates, published meanwhile and before'
    [users]='2,000 users, 1,000 events/s, each for one of them'
    [slow]='2,000 subscribers, of which 1% do not read'
    [storm]='2,000 subscribers lose their connections and return with jitter'
    [herd]='2,000 subscribers lose their connections and return at once'
    [idle]='memory of 2,000 idle connections'
    [encoding]='500 subscribers, for each of whom the Sse of axum encodes every event, beside one encoding for all'
    [gzip]='memory of 1,000 idle connections after 20 events, and 500 subscribers with 20 events/s: plain and compressed'
    [logins]='500 subscribers, 50 events/s: without logins, and while 8 connections fail to log in, with and without a limit'
    [redis]='two gateways with Redis beside one in memory: fan-out, highest, users, storm, and the rate that they can follow'
)

# Starts a gateway with the given options on free ports, and adds it to `servers`, `urls` and `metrics`. Without --users,
# nobody is asked who it is.
start() {
    [[ " $* " == *' --users '* ]] || set -- --no-auth "$@"
    local line output
    # It may write to its output as long as this is open.
    exec {output}< <(exec target/release/gateway --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 --log-level error \
        --max-streams-per-address 9000 --max-connections-per-address 9000 "$@")
    servers+=($!) outputs+=("$output")
    read -r line <&"$output"
    [[ $line =~ (http://[^,]+),\ metrics\ at\ (http://[^;]+) ]]
    urls+=("${BASH_REMATCH[1]}") metrics+=(--metrics "${BASH_REMATCH[2]}")
}

# Starts a Redis with a port and a folder of its own, whose file is written with `appendfsync $1`, and sets `redis`.
start_redis() {
    local port=$((RANDOM % 10000 + 20000)) attempt
    redis_folder=$(mktemp -d)
    redis-server --bind 127.0.0.1 --port "$port" --dir "$redis_folder" --save '' --appendonly yes --appendfsync "$1" \
        >"$redis_folder/log" &
    servers+=($!) redis=(--redis-pid $!) redis_url=redis://127.0.0.1:$port
    for attempt in {1..100}; do
        # If the port was taken, another server may answer there.
        kill -0 "${redis[1]}" 2>/dev/null || break
        [[ $(redis-cli -p "$port" ping 2>/dev/null) != PONG ]] || return 0
        sleep 0.1
    done
    printf 'measure.sh: redis-server does not start:\n%s\n' "$(<"$redis_folder/log")" >&2
    exit 1
}

# Starts as many gateways as `nodes` says with the options in `options`, and a Redis for them if `fsync` is set.
start_all() {
    local node
    if [[ -n $fsync ]]; then
        start_redis "$fsync"
        set -- --redis "$redis_url"
    fi
    for ((node = 0; node < nodes; node++)); do start "${options[@]}" "$@"; done
}

stop() {
    local output
    ((${#servers[@]} == 0)) || kill -KILL "${servers[@]}" 2>/dev/null || true
    ((${#servers[@]} == 0)) || wait "${servers[@]}" 2>/dev/null || true
    for output in "${outputs[@]}"; do exec {output}<&-; done
    [[ -z ${redis_folder-} ]] || rm -r "$redis_folder"
    servers=() outputs=() urls=() metrics=() redis=() redis_folder=
}

# Runs a load against new gateways, as `start_all` starts them, and with the headers in `headers`.
load() {
    start_all
    printf '+ gateway load %s%s\n' "$*" "${fsync:+    ($nodes gateways, Redis with appendfsync $fsync)}"
    local status=0
    target/release/gateway load "${metrics[@]}" "${redis[@]}" "${headers[@]}" "$@" "${urls[@]}" 2>/dev/null || status=$?
    stop
    ((status == 0)) || failed=1
    printf '\n'
}

# How fast one connection receives what is in the log already, where no publisher is the limit.
replay() {
    local id begin received url
    start
    url=${urls[0]}
    target/release/gateway load --subscribers 1 --rate 5000 --seconds 10 --topic t "$url" >/dev/null 2>&1
    id=$(curl -sN --max-time 1 "$url/events?topic=t" | sed -n 's/^id: \(.*\)\..*/\1.0/p' | head -n 1) || true
    begin=$(date +%s%N)
    received=$(curl -sN "$url/events?topic=t&last_event_id=$id" | grep -c -m 50000 '^data:') || true
    awk -v events="$received" -v time=$(($(date +%s%N) - begin)) \
        'BEGIN { printf "one connection received %d events from the log in %.2f s, %d/s\n\n", events, time / 1e9, events / time * 1e9 }'
    ((received == 50000)) || failed=1
    stop
}

# How fast a gateway reads what was published at another one while it was stopped itself.
catch_up() {
    local reader begin time
    start_all
    grep -c -m 50000 '^data:' < <(curl -sN --max-time 120 "${urls[1]}/events?topic=t") >"$redis_folder/received" &
    reader=$!
    sleep 1
    kill -STOP "${servers[-1]}"
    target/release/gateway load --subscribers 1 --rate 2500 --seconds 20 --warm-up 0 --topic t "${urls[0]}" >/dev/null 2>&1 ||
        failed=1
    begin=$(date +%s%N)
    kill -CONT "${servers[-1]}"
    wait "$reader" || true
    time=$(($(date +%s%N) - begin))
    awk -v time="$time" '{ printf "a gateway that was stopped delivered %d events in %.2f s, %d/s\n\n", $1, time / 1e9, $1 / time * 1e9 }' \
        "$redis_folder/received"
    [[ $(<"$redis_folder/received") == 50000 ]] || failed=1
    stop
}

# Makes a user, and sets `options` and `headers` so that all subscribers and publishers are this user.
authenticate() {
    local token
    folder=$(mktemp -d)
    head -c 24 /dev/urandom | base64 |
        target/release/gateway user add "$folder/users" load --topic '*' --publish '*' >/dev/null
    GATEWAY_SECRET=$(head -c 48 /dev/urandom | base64)
    export GATEWAY_SECRET
    token=$(target/release/gateway token load --topic '*' --publish '*' --lifetime 24h)
    options=(--users "$folder/users" --max-streams-per-user 9000)
    headers=(--header "Authorization: Bearer $token")
}

# Runs a load against one gateway in memory, and against two gateways with Redis.
beside() {
    fsync='' nodes=1 && load "$@"
    fsync=everysec nodes=2 && load "$@"
}

with_redis() {
    local round
    for round in 1 2; do beside --subscribers 500 --rate 50 --seconds "$seconds"; done
    beside --subscribers 2000 --search --seconds $((seconds / 4 + 5))
    beside --subscribers 2000 --rate 1000 --seconds "$seconds" --users
    beside --subscribers 2000 --rate 10 --seconds "$seconds" --storm
    catch_up
    beside --ingest --rate 1000 --seconds $((seconds / 6 + 2))
    fsync=always && load --ingest --rate 1000 --seconds $((seconds / 6 + 2))
}

measure() {
    local options=() headers=() nodes=1 fsync=
    case $1 in
        fan-out) load --subscribers 500 --rate 50 --seconds "$seconds" --baseline ;;
        highest)
            load --subscribers 2000 --search --seconds $((seconds / 4 + 5))
            load --subscribers 2000 --rate 10 --seconds $((seconds / 2)) --baseline
            ;;
        one)
            load --subscribers 1 --search --seconds $((seconds / 10 + 2))
            replay
            ;;
        users) load --subscribers 2000 --rate 1000 --seconds "$seconds" --users ;;
        slow)
            options=(--write-timeout 10m)
            load --subscribers 2000 --rate 10 --seconds "$seconds" --slow 1%
            ;;
        storm) load --subscribers 2000 --rate 10 --seconds "$seconds" --storm ;;
        herd) load --subscribers 2000 --rate 10 --seconds "$seconds" --storm --no-jitter ;;
        idle) load --subscribers 2000 --seconds 10 --idle ;;
        encoding)
            load --subscribers 500 --search --seconds $((seconds / 10 + 2))
            options=(--encode-per-subscriber)
            load --subscribers 500 --search --seconds $((seconds / 10 + 2))
            ;;
        gzip)
            local gzip
            for gzip in '' --gzip; do load --subscribers 1000 --idle --events 20 --seconds 10 $gzip; done
            for gzip in '' --gzip; do load --subscribers 500 --rate 20 --seconds "$seconds" $gzip; done
            ;;
        logins)
            authenticate
            load --subscribers 500 --rate 50 --seconds "$seconds"
            load --subscribers 500 --rate 50 --seconds "$seconds" --logins
            options+=(--logins-per-minute 1000000)
            load --subscribers 500 --rate 50 --seconds "$seconds" --logins
            ;;
        redis) with_redis ;;
    esac
}

cleanup() {
    stop
    [[ -z ${folder-} ]] || rm -r "$folder"
}

seconds=60 failed=0 servers=() outputs=() urls=() metrics=() redis=() redis_folder=
while [[ ${1-} == -* ]]; do
    case $1 in
        -h | --help) usage && exit ;;
        --seconds) seconds=${2-} && shift ;;
        *) printf 'measure.sh: unknown option %s; see --help\n' "$1" >&2 && exit 2 ;;
    esac
    shift
done
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { printf 'measure.sh: %s is not a number of seconds\n' "$seconds" >&2 && exit 2; }
for name; do
    [[ -n $name && -n ${DOES[$name]-} ]] || { printf 'measure.sh: there is no measurement %s; see --help\n' "$name" >&2 && exit 2; }
done
(($# > 0)) || set -- "${NAMES[@]}"
[[ " $* " != *' redis '* ]] || type redis-server redis-cli >/dev/null || {
    printf 'measure.sh: the measurement redis needs redis-server: install it\n' >&2 && exit 1
}
trap cleanup EXIT
trap 'exit 1' INT TERM

cargo build --locked --release --quiet -p gateway
nproc | sed 's/$/ processors/'
for name; do
    printf '=== %s: %s\n' "$name" "${DOES[$name]}"
    measure "$name"
done
exit "$failed"
