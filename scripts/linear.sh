#!/usr/bin/env bash
# n bytes cost in proportion to n: counts the instructions of every shape of work in tests/linear.rs, and of every attack in
# tests/hostile, at n and at 4n.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'linear.sh: %s\n' "$1" >&2
    exit 2
}

case ${1-} in
    '') ;;
    -h | --help)
        cat <<'END'
Usage: scripts/linear.sh

Counts the instructions that each shape of work in tests/linear.rs, and each attack in tests/hostile, costs at n and at 4n,
which does not depend on how busy the machine is. Ends with 1 where 4n cost more than 4.4 times as much as n, and where a control, which is quadratic on
purpose, was not caught; with 2 if it could not count. Needs valgrind.
END
        exit
        ;;
    *) fail "unknown argument $1; see --help" ;;
esac

command -v valgrind >/dev/null || fail 'valgrind is not installed'
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

# Counts what the test $1 announces and does in its function `measured`: the test to run is $2, its features are the rest.
count() {
    local test=$1 name=$2 program shape dump=0
    program=$(
        cargo test --locked --release "${@:3}" --test "$test" --no-run --message-format=json |
            sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1
    )
    # Every return from `measured` ends a dump: dump.1 is the first shape at n, dump.2 the first shape at 4n, and so on.
    valgrind --quiet --tool=callgrind --callgrind-out-file="$directory/$test" \
        --toggle-collect='*linear::measured' --dump-after='*linear::measured' \
        "$program" --ignored --exact "$name" --nocapture --test-threads=1 >"$directory/output" 2>&1 || {
        cat "$directory/output" >&2
        fail 'the work to be counted failed'
    }
    while read -r shape; do
        printf '%s %s %s\n' "$(instructions "$test.$((dump + 1))")" "$(instructions "$test.$((dump + 2))")" "$shape"
        dump=$((dump + 2))
    done < <(sed -n 's/^counted //p' "$directory/output")
}

instructions() {
    sed -n 's/^totals: //p' "$directory/$1"
}

# Without simd; the attacks are counted with it.
count linear counted --no-default-features --features std >"$directory/counts"
count hostile measured::linear::counted --all-features >>"$directory/counts"

awk '
    BEGIN { printf "%13s %13s  ratio  shape\n", "n", "4n" }
    {
        # Where four times the work costs less than twice as much, something else was counted.
        ratio = $1 > 0 ? $2 / $1 : 0
        verdict = ratio < 2 ? "NOT COUNTED" : ratio > 4.4 ? "NOT LINEAR" : ""
        controls += $3 == "control"
        failures += verdict != ($3 == "control" ? "NOT LINEAR" : "")
        name = $0
        sub(/^[0-9]+ [0-9]+ /, "", name)
        printf "%13.0f %13.0f %6.2f  %s%s\n", $1, $2, ratio, name, verdict == "" ? "" : "  <- " verdict
    }
    END {
        printf "%d shapes, %d controls, %d failures\n", NR - controls, controls, failures
        exit NR == controls || controls == 0 || failures > 0
    }' "$directory/counts"
