#!/usr/bin/env bash
# Changes the code of the codec in one place at a time, and checks that a test fails.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

# The codec: decoding, buffering, events and encoding.
readonly FILES=(
    src/parse.rs src/line_end.rs src/decode.rs 'src/decode/*.rs' src/encode.rs src/value.rs src/buffer.rs 'src/buffer/*.rs' src/text.rs src/event.rs src/event/owned.rs
)
# Seconds after which tests that have not ended are taken to hang, which they would not if the code were right.
readonly TIMEOUT=30
# In KiB: a loop that never ends may ask for memory all the while.
readonly MEMORY=$((6 << 20))
# They take most of the time, and see little that shorter ones do not.
readonly LONG=(
    a_line_end_is_found_at_every_place a_line_of_a_gigabyte an_endless_line_passes_through all_short_sequences long_sequences_of_lines no_flood_takes
)
# Without optimization they take more than all others together, so they wait for the last pass.
readonly SLOW=(
    a_refusal_is_one_error calls_may_be_mixed_at_any_byte every_counted_part_holds lent_memory_of_every_size the_decoder_counts_what_is_stated
    the_default_limits_hold the_limit_that_the_bytes what_is_never_stored what_is_no_event_is_not_held
)

# Passes: optimization, features, and tests, which take some ten seconds. A change that the tests of one pass have not seen goes to the next pass.
# Without optimization a change is built in a fifth of the time, and most are seen by the first test.
readonly PASSES=(
    '0 std,simd api borrowed encode field_parser limits'
    '0 std,simd memory mixed_calls oracle_agreement shapes split_invariance'
    '0 none api limits oracle_agreement split_invariance'
    '0 std api limits oracle_agreement shapes'
    '1 std,simd,bytes allocations encode limits mixed_calls oracle_agreement owned_events shapes'
)
readonly EXCEPTIONS=scripts/mutants-exceptions.txt

usage() {
    cat <<END
Usage: scripts/mutants.sh [--again] [OPTIONS...]

Changes the codec in one place at a time, as cargo-mutants does (an operator, a constant, a function that does nothing), and runs tests
that take a few seconds. Prints each change that no test has seen, and that $EXCEPTIONS does not
explain. There are more than a thousand, which take hours.

  --again  only what was missed the last time

OPTIONS go to cargo mutants; --list, --re=REGEX, --in-diff=FILE and --jobs=2 are useful ones. The results are in mutants.out.

Ends with 1 if a change was not seen and is not explained, and with 2 if it could not be tried. Needs cargo-mutants.
END
}

fail() {
    printf 'mutants.sh: %s\n' "$1" >&2
    exit 2
}

iterate=()
case ${1-} in
    -h | --help) usage && exit ;;
    --again)
        iterate=(--iterate)
        shift
        ;;
esac
cargo mutants --version >/dev/null 2>&1 || fail 'needs cargo-mutants: cargo install --locked cargo-mutants'

# Each copy of the sources has a target folder of its own.
unset CARGO_TARGET_DIR
export CARGO_PROFILE_DEV_DEBUG=none CARGO_PROFILE_TEST_DEBUG=none SSE_WIRE_TOKENS=1
export PROPTEST_CASES=${PROPTEST_CASES:-32} SSE_WIRE_DOCUMENTS=${SSE_WIRE_DOCUMENTS:-200}
ulimit -v "$MEMORY"

arguments=(--timeout="$TIMEOUT" --no-shuffle)
for file in "${FILES[@]}"; do
    arguments+=(--file="$file")
done
for pass in "${PASSES[@]}"; do
    read -ra words <<<"$pass"
    options=(--no-default-features)
    [[ ${words[1]} == none ]] || options+=(--features="${words[1]}")
    options+=(--cargo-arg=--lib)
    for test in "${words[@]:2}"; do
        options+=(--cargo-arg="--test=$test")
    done
    skip=("${LONG[@]/#/--skip=}")
    ((words[0] > 0)) || skip+=("${SLOW[@]/#/--skip=}")
    status=0
    CARGO_PROFILE_TEST_OPT_LEVEL=${words[0]} cargo mutants "${arguments[@]}" "${iterate[@]}" "${options[@]}" "$@" \
        -- -- "${skip[@]}" || status=$?
    case $status in
        0) break ;;
        # Some were missed, or tests took too long, which is as good as if they had failed.
        2 | 3) ;;
        *) fail "cargo mutants ended with $status" ;;
    esac
    iterate=(--iterate)
done
[[ -e mutants.out/missed.txt ]] || exit 0

# Without their places, which every other change moves.
sed -E 's/^([^:]+):[0-9]+:[0-9]+: /\1: /' mutants.out/missed.txt | sort -u >mutants.out/left.txt
unexplained=$(grep -vxFf <(grep -vE '^(#|$)' "$EXCEPTIONS") mutants.out/left.txt) || exit 0
printf '\nno test sees these, and %s does not explain them:\n%s\n' "$EXCEPTIONS" "$unexplained"
exit 1
