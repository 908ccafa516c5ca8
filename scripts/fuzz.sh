#!/usr/bin/env bash
# Runs the fuzz targets, each for a given time, and sums up what they did.
set -euo pipefail

usage() {
    cat <<'END'
Usage: scripts/fuzz.sh [--address] [--record] [SECONDS] [TARGET...]

Runs each TARGET (all of them unless named) for SECONDS (20 unless given), from the
test vectors, from fuzz/corpus.tar.gz, and from what earlier runs left in fuzz/corpus. Ends with 0 if nothing
was found, with 1 if something was, and with 2 if it could not run.

  --address  with AddressSanitizer, which watches the unsafe code of dependencies
  --record   adds a line to fuzz/RUNS.csv for each target: date, commit, target,
             sanitizer, seconds of processor time, executions, findings

Needs a nightly toolchain and cargo-fuzz.
END
}

fail() {
    printf 'fuzz.sh: %s\n' "$1" >&2
    exit 2
}

seconds=20
# There is no unsafe code here to watch, and panics are found as well without, in half the time.
sanitizer=none
record=
while (($# > 0)); do
    case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        --address) sanitizer=address ;;
        --record) record=yes ;;
        -*) fail "unknown option $1; see --help" ;;
        *) break ;;
    esac
    shift
done
if [[ ${1-} == [0-9]* ]]; then
    seconds=$1
    shift
fi
# To libFuzzer 0 means for ever.
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "'$seconds' is not a number of seconds"

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly RUNS=fuzz/RUNS.csv TIMEOUT=30
commit=$(git describe --always --exclude '*' 2>/dev/null) || commit=unknown
# The list of runs grows by being recorded: that changes nothing of what is run.
git diff --quiet HEAD -- . ":!$RUNS" 2>/dev/null || commit+=-dirty

# What the children of this shell took, of which the second line of `times` speaks, from $logs/before to $logs/after.
processor_seconds() {
    awk -F '[ms ]+' 'FNR == 2 { spent = $1 * 60 + $2 + $3 * 60 + $4 - spent } END { printf "%d", spent }' \
        "$logs/before" "$logs/after"
}

cargo +nightly --version >/dev/null 2>&1 ||
    fail 'needs a nightly toolchain: rustup toolchain install nightly --profile minimal'
cargo +nightly fuzz --version >/dev/null 2>&1 ||
    fail 'needs cargo-fuzz: cargo install --locked cargo-fuzz'

all=$(cargo +nightly fuzz list) || fail 'cargo fuzz does not find the targets'
targets=("$@")
if ((${#targets[@]} == 0)); then
    mapfile -t targets <<<"$all"
fi
for target in "${targets[@]}"; do
    [[ $target != -* ]] || fail "$target: options come first; see --help"
    grep -qxF -- "$target" <<<"$all" || fail "no target '$target'; there are: ${all//$'\n'/, }"
done

cargo +nightly run --quiet --manifest-path fuzz/Cargo.toml --example seeds ||
    fail 'the seeds could not be made'
scripts/corpus.sh unpack || fail 'the corpus could not be unpacked'
cargo +nightly fuzz build --sanitizer "$sanitizer" || fail 'the targets do not build'

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
summary=$(printf '%-12s %14s %10s  %s' target executions per-second result)
status=0
for target in "${targets[@]}"; do
    printf '\n%s: %s seconds\n' "$target" "$seconds"
    mkdir -p "fuzz/corpus/$target"
    log=$logs/$target
    result=ok
    times >"$logs/before"
    RUST_BACKTRACE=0 cargo +nightly fuzz run --sanitizer "$sanitizer" "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout="$TIMEOUT" -dict=fuzz/sse.dict -print_final_stats=1 \
        >"$log" 2>&1 || result=FOUND
    times >"$logs/after"
    executions=$(awk '/^stat::number_of_executed_units:/ { print $2 }' "$log")
    if [[ $result == ok && ${executions:-0} -eq 0 ]]; then
        result='DID NOT RUN'
    elif [[ $result == FOUND ]] && ! grep -q 'Test unit written to' "$log"; then
        # It was interrupted, or could not begin.
        result='DID NOT FINISH'
    fi
    if [[ $result != ok ]]; then
        status=1
        # What was asserted, the input as the target understood it, and how to run it again.
        grep -vE '^(#[0-9]+|INFO:|NOTE:|MS:|WARNING: Failed|stat::|0x|\\|Base64:)' "$log" | tail -n 100
    fi
    if [[ -n $record && ${executions:-0} -gt 0 ]]; then
        [[ -e $RUNS ]] || printf 'date,commit,target,sanitizer,seconds,executions,findings\n' >"$RUNS"
        printf '%s,%s,%s,%s,%d,%d,%d\n' "$(date -u +%F)" "$commit" "$target" "$sanitizer" "$(processor_seconds)" "${executions:-0}" \
            "$([[ $result == FOUND ]] && echo 1 || echo 0)" >>"$RUNS"
    fi
    summary+=$(printf '\n%-12s %14s %10s  %s' \
        "$target" "${executions:-0}" "$((${executions:-0} / seconds))" "$result")
done
printf '\n%s\n' "$summary"
exit "$status"
