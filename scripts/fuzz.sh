#!/usr/bin/env bash
# Runs the fuzz targets, each for a given time, and sums up what they did.
set -euo pipefail

usage() {
    cat <<'END'
Usage: scripts/fuzz.sh [SECONDS] [TARGET...]

Runs each TARGET (all of them unless named) for SECONDS (20 unless given), from the
test vectors and from what earlier runs left in fuzz/corpus. Ends with 0 if nothing
was found, with 1 if something was, and with 2 if it could not run.

Needs a nightly toolchain and cargo-fuzz.
END
}

fail() {
    printf 'fuzz.sh: %s\n' "$1" >&2
    exit 2
}

seconds=20
case "${1:-}" in
    -h | --help)
        usage
        exit 0
        ;;
    -*)
        usage >&2
        exit 2
        ;;
    [0-9]*)
        seconds=$1
        shift
        ;;
esac
# To libFuzzer 0 means for ever.
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "'$seconds' is not a number of seconds"

cd "$(dirname "${BASH_SOURCE[0]}")/.."

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
    grep -qxF -- "$target" <<<"$all" || fail "no target '$target'; there are: ${all//$'\n'/, }"
done

cargo +nightly run --quiet --manifest-path fuzz/Cargo.toml --example seeds ||
    fail 'the seeds could not be made'
# Without a sanitizer: there is no unsafe code to watch, and panics are found as well, in half the time.
cargo +nightly fuzz build --sanitizer none || fail 'the targets do not build'

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
summary=$(printf '%-12s %14s %10s  %s' target executions per-second result)
status=0
for target in "${targets[@]}"; do
    printf '\n%s: %s seconds\n' "$target" "$seconds"
    mkdir -p "fuzz/corpus/$target"
    log=$logs/$target
    result=ok
    RUST_BACKTRACE=0 cargo +nightly fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -dict=fuzz/sse.dict -print_final_stats=1 \
        >"$log" 2>&1 || result=FOUND
    executions=$(awk '/^stat::number_of_executed_units:/ { print $2 }' "$log")
    if [[ $result == ok && ${executions:-0} -eq 0 ]]; then
        result='DID NOT RUN'
    fi
    if [[ $result != ok ]]; then
        status=1
        # What was asserted, the input as the target understood it, and how to run it again.
        grep -vE '^(#[0-9]+|INFO:|NOTE:|MS:|WARNING: Failed|stat::|0x|\\|Base64:)' "$log" | tail -n 100
    fi
    summary+=$(printf '\n%-12s %14s %10s  %s' \
        "$target" "${executions:-0}" "$((${executions:-0} / seconds))" "$result")
done
printf '\n%s\n' "$summary"
exit "$status"
