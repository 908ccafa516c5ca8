#!/usr/bin/env bash
# Two gateways with one Redis behind nginx, to see what clients notice when one of them is killed.
set -euo pipefail
[[ -z ${GATEWAY-} ]] || GATEWAY=$(realpath "$GATEWAY")
cd -P "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<END
Usage: examples/gateway/deploy/two-nodes.sh [watch | --help]

Starts Redis, two gateways and nginx, prints what to try, and ends them with Ctrl-C. Whatever is
killed meanwhile starts again after 5 seconds. Needs redis-server, nginx and curl.

  watch  reads the topic news through nginx, with the token in TOKEN, and reconnects with the last
         event ID

Variables: PORTS of nginx, the gateways and Redis ('8080 8091 8092 6391'); FSYNC, the appendfsync of
Redis (always); GATEWAY, the program (it is built if this is not set).
END
}

watch() {
    local id='' next='' line authorization="authorization: Bearer $TOKEN"
    while true; do
        while IFS= read -r line; do
            # The ID of an event counts once the event is complete.
            case $line in 'id: '*) next=${line#id: } ;; '') id=$next ;; esac
            printf '%s\n' "$line"
        done < <(curl -sfN -H "$authorization" ${id:+-H "last-event-id: $id"} \
            -D >(sed -un 's/^X-Gateway: /--- connected to /p') "http://127.0.0.1:$PROXY/events?topic=news")
        printf -- '--- reconnecting after the ID %s\n' "$id"
        next=$id
        sleep 1
    done
}

# Starts one of the four, and notes its process.
start() {
    local command gateway=("$GATEWAY" --redis "redis://127.0.0.1:$REDIS" --secret-file secret
        --metrics-listen 127.0.0.1:0 --trusted-proxy 127.0.0.1 --retry 1s --drain 1s)
    case $1 in
        redis) command=(redis-server --bind 127.0.0.1 --port "$REDIS" --save ''
            --appendonly yes --appendfsync "${FSYNC:-always}") ;;
        node1) command=("${gateway[@]}" --listen "127.0.0.1:$NODE1") ;;
        node2) command=("${gateway[@]}" --listen "127.0.0.1:$NODE2") ;;
        nginx) command=(nginx -e nginx.log -p "$folder" -c nginx.conf) ;;
    esac
    (cd "$folder" && exec "${command[@]}") >>"$folder/$1.log" 2>&1 &
    process[$1]=$!
    printf '%s has the PID %s\n' "$1" "$!"
}

# The files for one gateway, with two of them in its place.
configure_nginx() {
    sed 's/127\.0\.0\.1:8080/gateways/' nginx.conf >"$folder/gateway.conf"
    sed "s/8091/$NODE1/; s/8092/$NODE2/" nginx-upstream.conf >"$folder/nginx-upstream.conf"
    {
        printf 'daemon off; pid nginx.pid; events { worker_connections 1000; }\n'
        printf 'http { access_log off; include nginx-upstream.conf;\n'
        printf '%s_temp_path tmp;\n' client_body proxy fastcgi uwsgi scgi
        printf 'server { listen 127.0.0.1:%s; include gateway.conf; } }\n' "$PROXY"
    } >"$folder/nginx.conf"
}

explain() {
    local token
    token=$("$GATEWAY" token ann --topic '*' --publish '*' --lifetime 24h --secret-file "$folder/secret")
    cat <<END

In another terminal, read:

  export TOKEN=$token
  PORTS='$PROXY $NODE1 $NODE2 $REDIS' examples/gateway/deploy/two-nodes.sh watch

In a third one, publish, with the same TOKEN:

  curl -H "authorization: Bearer \$TOKEN" -H 'content-type: application/json' \\
      -d '{"topic":"news","data":"hello"}' http://127.0.0.1:$PROXY/publish

Then one after the other, and publish in between:

  kill -9 ${process[node1]}    a gateway (or ${process[node2]}): the stream continues at the other one, and misses nothing
  kill -9 ${process[redis]}    Redis: the stream stays open; publishing is answered with 503 until Redis is back
  redis-cli -p $REDIS flushall    all events are deleted: the stream shows an event gap

Logs are in $folder until Ctrl-C ends everything.
END
}

end() {
    kill "${process[@]}" 2>/dev/null || true
    wait "${process[@]}" 2>/dev/null || true
    rm -r "$folder"
}

read -r PROXY NODE1 NODE2 REDIS <<<"${PORTS:-8080 8091 8092 6391}"
case ${1-} in
    watch) : "${TOKEN:?is missing: see what two-nodes.sh without arguments has printed}" && watch ;;
    -h | --help) usage && exit ;;
    ?*) printf 'two-nodes.sh: unknown argument %s; see --help\n' "$1" >&2 && exit 2 ;;
esac
# Debian's nginx is in a folder that is not in everybody's path.
PATH=$PATH:/usr/sbin
type redis-server nginx curl >/dev/null
[[ -n ${GATEWAY-} ]] || cargo build --locked -q -p gateway
GATEWAY=$(realpath "${GATEWAY:-${CARGO_TARGET_DIR:-../../../target}/debug/gateway}")
[[ -x $GATEWAY ]] || { printf 'two-nodes.sh: there is no program %s\n' "$GATEWAY" >&2 && exit 2; }
folder=$(mktemp -d)
declare -A process=()
trap end EXIT
trap exit INT TERM
# Both gateways accept the same tokens.
(umask 077 && head -c 48 /dev/urandom | base64 -w 0 >"$folder/secret")
configure_nginx
for name in redis node1 node2 nginx; do start "$name"; done
for port in "$NODE1" "$NODE2"; do
    curl -sf --retry 20 --retry-all-errors --retry-delay 1 "http://127.0.0.1:$port/readyz" ||
        { tail "$folder"/*.log >&2 && exit 1; }
done
explain
# The shell would report each process that was killed.
exec 2>/dev/null
while sleep 1 & wait $!; do
    for name in "${!process[@]}"; do
        kill -0 "${process[$name]}" 2>/dev/null || { sleep 4 && start "$name"; }
    done
done
