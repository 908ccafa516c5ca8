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

readonly NAMES=(fan-out highest one users slow storm herd idle encoding gzip logins)
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
)

# Starts a gateway with the given options on free ports, and sets `url` and `metrics`. Without --users, nobody is asked
# who it is.
start() {
    [[ " $* " == *' --users '* ]] || set -- --no-auth "$@"
    coproc SERVER { exec target/release/gateway --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 --log-level error \
        --max-streams-per-address 9000 --max-connections-per-address 9000 "$@"; }
    server=$SERVER_PID
    local line
    read -r line <&"${SERVER[0]}"
    [[ $line =~ (http://[^,]+),\ metrics\ at\ (http://[^;]+) ]]
    url=${BASH_REMATCH[1]} metrics=${BASH_REMATCH[2]}
}

stop() {
    [[ -n ${server-} ]] || return 0
    kill -KILL "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
}

# Runs a load against a new gateway with the options in `options`, and with the headers in `headers`.
load() {
    start "${options[@]}"
    printf '+ gateway load %s\n' "$*"
    local status=0
    target/release/gateway load --metrics "$metrics" "${headers[@]}" "$@" "$url" 2>/dev/null || status=$?
    stop
    ((status == 0)) || failed=1
    printf '\n'
}

# How fast one connection receives what is in the log already, where no publisher is the limit.
replay() {
    local id begin received
    start
    target/release/gateway load --subscribers 1 --rate 5000 --seconds 10 --topic t "$url" >/dev/null 2>&1
    id=$(curl -sN --max-time 1 "$url/events?topic=t" | sed -n 's/^id: \(.*\)\..*/\1.0/p' | head -n 1) || true
    begin=$(date +%s%N)
    received=$(curl -sN "$url/events?topic=t&last_event_id=$id" | grep -c -m 50000 '^data:') || true
    awk -v events="$received" -v time=$(($(date +%s%N) - begin)) \
        'BEGIN { printf "one connection received %d events from the log in %.2f s, %d/s\n\n", events, time / 1e9, events / time * 1e9 }'
    ((received == 50000)) || failed=1
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

measure() {
    local options=() headers=()
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
    esac
}

cleanup() {
    stop
    [[ -z ${folder-} ]] || rm -r "$folder"
}

seconds=60 failed=0
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
trap cleanup EXIT

cargo build --locked --release --quiet -p gateway
nproc | sed 's/$/ processors/'
for name; do
    printf '=== %s: %s\n' "$name" "${DOES[$name]}"
    measure "$name"
done
exit "$failed"
