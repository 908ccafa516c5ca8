#!/usr/bin/env bash
# What takes too long for the gate, .ci/run: in parts, each of them bounded, with a table of what they did.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

readonly TABLE=tests/NIGHTLY.csv
readonly PARTS=(powerset features grammar schedules herd soak gateway nginx redis peers swaps firmware memcheck coverage audit mutants fuzz)
declare -rA DOES=(
    [powerset]='clippy of the library with every set of features, warnings denied'
    [features]='the tests with each feature alone'
    [grammar]='whole lines and lines split across chunks: every sequence of 3 tokens (SSE_WIRE_TOKENS)'
    [schedules]='thousands of connections that fail as a seed says, for every reconnecting driver'
    [herd]='20,000 clients that lose their server at the same moment'
    [soak]='random events through every reader, and what memory they leave behind'
    [gateway]='the gateway under load: latency, loss, storms, memory'
    [nginx]='the gateway behind nginx, with the snippet of its deploy folder'
    [redis]='two gateways whose Redis, network or node fails, 20 runs of each fault; load with two gateways'
    [peers]='benches/peers and the benchmarks: clippy and tests'
    [swaps]='published crates with sse-wire in place of their parser: their tests'
    [firmware]='the firmware on a Cortex-M3 in QEMU, and its size'
    [memcheck]='the tests under valgrind, which watches the unsafe code of dependencies'
    [coverage]='lines and branches that tests and fuzzing corpus reach'
    [audit]='licences, sources and advisories of dependencies; the oldest versions allowed'
    [mutants]='a sample of one-place changes of the code, each of which a test must notice'
    [fuzz]='every fuzz target; adds to fuzz/RUNS.csv with --record'
)

usage() {
    cat <<END
Usage: scripts/nightly.sh [--record] [--minutes N] [PART...]

Runs the named parts, or all, within N minutes (120 unless given). mutants and fuzz get a sixth each, soak a
twentieth. The others take what they need. Continues after a failure, and prints a table. Exits with 0 only if no part failed.
A part whose tool is missing has failed.

  --record   adds a line for each part to $TABLE
  --install  installs the tools that the parts need, and nothing else

END
    local part
    for part in "${PARTS[@]}"; do printf '  %-9s %s\n' "$part" "${DOES[$part]}"; done
}

fail() {
    printf 'nightly.sh: %s\n' "$1" >&2
    exit 2
}

run() { printf '+ %s\n' "$*" && "$@"; }

# Says what a part did: the last of these lines comes into the table.
counted() { printf 'counted: %s\n' "$*"; }

features() { cargo metadata --no-deps --format-version 1 | jq -r '.packages[] | select(.name == "sse-wire").features | keys[]'; }

# How many tests the logs of cargo in $1 say to have passed.
passed() { awk '/^test result: ok/ { n += $4 } END { print n + 0 " tests" }' "$1"; }

install_tools() {
    cargo +nightly --version || run rustup toolchain install nightly --profile minimal
    local llvm
    # The tools that read what the compiler's own version of LLVM writes.
    llvm=llvm-$(rustc +nightly -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
    run apt-get update -q
    # Debian would start their services.
    command -v nginx /usr/sbin/nginx || [[ ! -d /run/systemd/system ]] || run systemctl mask nginx
    command -v redis-server || [[ ! -d /run/systemd/system ]] || run systemctl mask redis-server
    run env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends valgrind binutils jq g++ nginx redis-server openssl "$llvm" \
        qemu-system-arm binutils-arm-none-eabi rustc-web cargo-web rust-web-src
    run cargo install --locked cargo-hack cargo-mutants cargo-deny
}

part_powerset() {
    # `default` is `std` and `simd`. `simd` affects only speed: alone, and with each of the others.
    run cargo hack clippy --locked -p sse-wire --lib --feature-powerset --exclude-features 'default simd' -- -D warnings
    run cargo hack clippy --locked -p sse-wire --lib --feature-powerset --depth 1 --exclude-features default --features simd \
        -- -D warnings
    counted "$(grep -c '^info: running' "$log") sets of features"
}

part_features() {
    local feature
    for feature in $(features); do
        # Tests start the examples.
        run cargo build --locked --no-default-features --features "$feature" --examples
        run cargo test --locked --no-default-features --features "$feature" --lib --tests
    done
    counted "$(passed "$log")"
}

part_grammar() {
    local build
    export SSE_WIRE_TOKENS=${SSE_WIRE_TOKENS:-3}
    # They search for line ends in different ways.
    for build in std std,simd; do
        run cargo test --locked --release --no-default-features --features="$build" --test decode one_grammar:: -- --nocapture
    done
    (($(grep -cE "up to $SSE_WIRE_TOKENS tokens: .* 0 mismatches$" "$log") == 2))
    counted "$(sed -n 's/^\.*\(up to .* mismatches\)$/\1/p' "$log" | tail -n 1)"
}

part_schedules() {
    SSE_WIRE_SCHEDULES=${SSE_WIRE_SCHEDULES:-5000} run cargo test --locked --release --all-features --test client -- --nocapture
    counted "$(passed "$log") with ${SSE_WIRE_SCHEDULES:-5000} schedules"
}

part_herd() {
    run cargo run --locked --release --all-features --example herd -- --clients 20000
    counted '20000 clients'
}

part_soak() {
    run cargo run --locked --release --all-features --example soak -- --seconds $((minutes * 3))
    counted "$(sed -n 's/^ *events, all as sent *//p' "$log" | tail -n 1) events"
}

part_gateway() {
    run examples/gateway/measure.sh --seconds $((minutes / 4 + 1))
    counted "$(awk '/^deliveries/ { n += $2 } /^lost/ { lost += $2 } /^doubled/ { doubled += $2 }
        END { print n " deliveries, " lost + 0 " lost, " doubled + 0 " doubled" }' "$log")"
}

part_nginx() {
    run cargo test --locked -p gateway --profile dev --test gateway -- --ignored nginx::
    counted "$(passed "$log")"
}

part_redis() {
    GATEWAY_REDIS_RUNS=${GATEWAY_REDIS_RUNS:-20} run cargo test --locked -p gateway --profile dev --test gateway -- \
        --ignored --nocapture --test-threads=3 redis:: two_nodes::
    counted "$(awk '/redis-fault .* streams / { for (i = 1; i <= NF; i++) { split($i, it, "="); n[it[1]] += it[2] } }
        END { print n["runs"] " runs with streams, " n["acknowledged"] " events acknowledged, " n["lost"] + 0 " lost, " \
            n["unreported"] + 0 " of them unreported, " n["doubled"] + 0 " doubled" }' "$log")"
}

part_peers() {
    run cargo clippy --locked -p sse-wire-peers -p sse-wire-instructions --all-targets --all-features -- -D warnings
    run cargo test --locked -p sse-wire-peers -p sse-wire-instructions --profile dev
    run cargo test --locked --all-features --bench '*'
    counted "$(passed "$log")"
}

part_swaps() {
    run scripts/swaps.sh
    counted "$(awk '$NF == "ok" && NF == 10 { printf "%s%s %s: %s tests", sep, $1, $2, $7; sep = ", " }' "$log")"
}

part_firmware() {
    run scripts/targets.sh firmware
    counted "flash of decode_raw, decode, encode, both: $(awk '/^(decode|encode)/ && NF == 6 { printf "%s%s", sep, $2; sep = ", " }' "$log")"
}

part_memcheck() {
    # Those that run for hours where each instruction is watched have smaller counterparts among the others.
    export PROPTEST_CASES=8 SSE_WIRE_TOKENS=1 SSE_WIRE_DOCUMENTS=20 SSE_WIRE_SCHEDULES=20
    local host
    host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
    export "CARGO_TARGET_${host}_RUNNER=valgrind --quiet --error-exitcode=99 --leak-check=no"
    run cargo test --locked --all-features --lib --test adapters --test encode --test decode -- --test-threads=1 \
        --skip=one_grammar:: --skip=limits::
    counted "$(passed "$log")"
}

part_coverage() {
    run scripts/coverage.sh
    counted "$(awk '$1 == "all" { print "lines " $2 " " $3 ", branches " $4 " " $5 }' "$log")"
}

part_audit() {
    run scripts/audit.sh
    counted "advisories: $(sed -n '/^known vulnerabilities:$/{n;p}' "$log" | head -n 1)"
}

part_mutants() {
    # Another sample each day.
    MINUTES=$((minutes / 6 + 1)) run scripts/mutants.sh 280 "$(date +%Y%j)"
    counted "$(grep ' were tried of a sample' "$log" | tail -n 1)"
}

part_fuzz() {
    local targets=(fuzz/fuzz_targets/*.rs)
    # shellcheck disable=SC2086 # a word, or none
    run scripts/fuzz.sh $record $((minutes * 10 / ${#targets[@]} + 1))
    counted "$(awk '$NF == "ok" { n += $2 } END { print n + 0 " executions" }' "$log")"
}

# Processor time of finished child processes (second line of `times`), in seconds.
spend() {
    times >"$folder/times"
    spent=$(awk -F '[ms ]+' 'END { printf "%d", $1 * 60 + $2 + $3 * 60 + $4 }' "$folder/times")
}

minutes=120 record=''
while (($# > 0)); do
    case $1 in
        -h | --help) usage && exit ;;
        --install)
            install_tools
            exit
            ;;
        --record) record=--record ;;
        --minutes)
            minutes=${2-} && shift
            [[ $minutes =~ ^[1-9][0-9]*$ ]] || fail "'$minutes' is not a number of minutes"
            ;;
        -*) fail "unknown option $1; see --help" ;;
        *) break ;;
    esac
    shift
done
for part; do
    [[ -n $part && -n ${DOES[$part]-} ]] || fail "there is no part $part; see --help"
done
(($# > 0)) || set -- "${PARTS[@]}"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# shellcheck disable=SC2046 # a name is a word
export -f $(compgen -A function part_) run counted features passed
trap '[[ -z ${running-} ]] || kill -- "-$running" 2>/dev/null; exit 130' INT TERM
export minutes record log
commit=$(git rev-parse --short HEAD)
# The tables that this script adds to do not count.
git diff --quiet HEAD -- . ":!$TABLE" ':!fuzz/RUNS.csv' || commit+=-dirty
table=$(printf '%-9s %8s %8s  %-8s %s' part minutes CPU result counted)
failed=0
for part; do
    printf '\n=== %s: %s\n' "$part" "${DOES[$part]}"
    log=$folder/$part started=$SECONDS result=ok
    spend
    before=$spent
    left=$((minutes * 60 - SECONDS))
    : >"$log"
    tail --pid=$$ -f "$log" &
    watcher=$!
    # In the background, `timeout` has a process group of its own, and ends all of it.
    timeout --kill-after=10 $((left > 0 ? left : 1)) bash -euo pipefail -c "part_$part" </dev/null >"$log" 2>&1 &
    running=$! status=0
    wait "$running" || status=$?
    running=
    case $status in
        0) ;;
        124 | 137) result='NO TIME' failed=$((failed + 1)) ;;
        *) result=FAILED failed=$((failed + 1)) ;;
    esac
    sleep 1 # for the watcher to show the end
    kill "$watcher"
    spend
    count=$(sed -n 's/^counted: //p' "$log" | tail -n 1)
    figures=$(awk -v minutes=$((SECONDS - started)) -v cpu=$((spent - before)) 'BEGIN { printf "%.1f %.1f", minutes / 60, cpu / 60 }')
    table+=$'\n'$(printf '%-9s %8s %8s  %-8s %s' "$part" $figures "$result" "$count")
    if [[ -n $record ]]; then
        [[ -e $TABLE ]] || printf 'date,commit,part,minutes,processor minutes,result,counted\n' >"$TABLE"
        printf '%s,%s,%s,%s,%s,"%s"\n' "$(date -u +%F)" "$commit" "$part" "${figures/ /,}" "$result" "$count" >>"$TABLE"
    fi
done
printf '\n%s\n' "$table"
exit $((failed > 0))
