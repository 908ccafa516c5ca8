#!/usr/bin/env bash
# n bytes take time in proportion to n: counts the instructions of all work in tests/resources/linear.rs at n and at 4n.
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

Counts instructions at n and at 4n for everything in tests/resources/linear.rs. A busy machine does not affect the counts.
Runs with all features, and in part without simd. Exits with 1 if 4n takes more than 4.4 times as many as n, plus 30,000,
or if a control passes, which is quadratic on purpose. Exits with 2 if it could not count. Needs valgrind and jq.
END
        exit
        ;;
    *) fail "unknown argument $1; see --help" ;;
esac

command -v valgrind >/dev/null || fail 'valgrind is not installed'
command -v jq >/dev/null || fail 'jq is not installed'
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

# Counts what the test announces and does in its function `measured`, with these features.
count() {
    local program shape dump=0
    program=$(
        cargo test --locked "$@" --test resources --no-run --message-format=json |
            jq -r 'select(.executable and .target.kind[0] == "test").executable'
    ) || fail 'the test does not build'
    # Every return from `measured` ends a dump: out.1 is the first shape at n, out.2 the first shape at 4n, and so on.
    rm -f "$directory"/out.*
    valgrind --quiet --tool=callgrind --callgrind-out-file="$directory/out" --dump-line=no \
        --toggle-collect='*linear::measured' --dump-after='*linear::measured' \
        "$program" --ignored --exact linear::counted --nocapture --test-threads=1 >"$directory/printed" 2>&1 || {
        cat "$directory/printed" >&2
        fail 'the work to be counted failed'
    }
    while read -r shape; do
        printf '%s %s %s\n' "$(instructions $((dump + 1)))" "$(instructions $((dump + 2)))" "$shape"
        dump=$((dump + 2))
    done < <(sed -n 's/^counted //p' "$directory/printed")
}

instructions() {
    sed -n 's/^totals: //p' "$directory/out.$1"
}

count --all-features >"$directory/counts"
count --no-default-features --features std >>"$directory/counts"

awk '
    BEGIN { printf "%13s %13s  ratio  shape\n", "n", "4n" }
    {
        ratio = $1 > 0 ? $2 / $1 : 0
        # What is found in thousands of bytes by a few thousand instructions may begin slowly: it is allowed as many again.
        verdict = ratio < 1.5 ? "NOT COUNTED" : $2 > 4.4 * $1 + 30000 ? "NOT LINEAR" : ""
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
