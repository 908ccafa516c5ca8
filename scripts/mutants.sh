#!/usr/bin/env bash
# Changes the code in one place at a time, and checks that a test fails: a sample of what cargo-mutants would change.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

readonly EXCEPTIONS=tests/mutants-exceptions.txt
# The programs that run without the examples.
readonly TESTS=(decode encode adapters client resources)
# Seconds after which tests that have not ended are taken to hang.
readonly TIMEOUT=150
# In KiB: a loop that never ends may allocate all the while.
readonly MEMORY=$((6 << 20))

usage() {
    cat <<END
Usage: scripts/mutants.sh [--list] [COUNT [SEED]]

Changes src/ in COUNT places (20 unless given), one at a time: an operator, a condition, a function that returns at once. Runs the
tests for each change, with all features. SEED (1 unless given) decides which places: a new SEED gives another sample, and
other changes of the source leave a sample as it is. Prints each change that no test catches, unless $EXCEPTIONS
explains it.

  --list  only prints the sample

The variable MINUTES (45 unless set) bounds the run. What was not reached by then is left out, and the number that was tried is
printed. The results are in mutants.out.

Exits with 1 if a change was missed and is not explained, and with 2 if none could be tried. Needs cargo-mutants.
END
}

fail() {
    printf 'mutants.sh: %s\n' "$1" >&2
    exit 2
}

list=
case ${1-} in
    -h | --help) usage && exit ;;
    --list) list=yes && shift ;;
    -*) fail "unknown option $1; see --help" ;;
esac
readonly COUNT=${1:-20} SEED=${2:-1} MINUTES=${MINUTES:-45}
(($# <= 2)) || fail 'too many arguments; see --help'
for number in "$COUNT" "$SEED" "$MINUTES"; do
    [[ $number =~ ^[1-9][0-9]*$ ]] || fail "'$number' is not a number; see --help"
done
cargo mutants --version >/dev/null 2>&1 || fail 'needs cargo-mutants: cargo install --locked cargo-mutants'

# Removes the places, which every other change moves.
without_places() {
    sed -E 's/^([^:]+):[0-9]+:[0-9]+: /\1: /'
}

# Sorted by a hash of SEED and the name, with its number among equal names instead of its place.
# --re does not select among deleted fields: cargo-mutants tries all of these, few as they are.
all=$(cargo mutants --list | grep -v ': delete field ') || fail 'cargo mutants does not list the changes'
sample=$(
    paste -d '\t' <(without_places <<<"$all" | awk '{ print $0, ++seen[$0] }') - <<<"$all" |
        LC_ALL=C sort -t $'\t' -k 1,1R --random-source=<(yes "$SEED") | cut -f 2 | sed -n "1,${COUNT}p"
)
if [[ -n $list ]]; then
    printf '%s\n' "$sample"
    exit
fi

options=(--all-features --timeout="$TIMEOUT" --no-shuffle --cargo-arg=--lib "${TESTS[@]/#/--cargo-arg=--test=}")
while read -r name; do
    options+=(--re="^$name\$")
done < <(sed 's/[][\.*^$+?(){}|]/\\&/g' <<<"$sample")

# The copy of the sources has a target folder of its own.
unset CARGO_TARGET_DIR
export CARGO_PROFILE_DEV_DEBUG=none CARGO_PROFILE_TEST_DEBUG=none
export SSE_WIRE_TOKENS=1 SSE_WIRE_DOCUMENTS=200 PROPTEST_CASES=32
ulimit -v "$MEMORY"
rm -rf mutants.out
status=0
timeout --foreground --signal=INT --kill-after=60 "${MINUTES}m" cargo mutants "${options[@]}" || status=$?
case $status in
    # Some were missed, or tests hung, which is as good as if they had failed; or the time was up.
    0 | 2 | 3 | 124 | 137) ;;
    *) fail "cargo mutants ended with $status" ;;
esac
count() {
    { cat "${@/#/mutants.out/}" 2>/dev/null || true; } | wc -l
}
tried=$(count caught.txt missed.txt timeout.txt)
printf '%d were tried of a sample of %d, %d do not compile, %d were missed\n' \
    "$tried" "$COUNT" "$(count unviable.txt)" "$(count missed.txt)"
((tried > 0)) || fail 'none was tried'

unexplained=$(without_places <mutants.out/missed.txt | grep -vxFf <(grep -vE '^(#|$)' "$EXCEPTIONS")) || exit 0
printf '\nno test catches these, and %s does not explain them:\n%s\n' "$EXCEPTIONS" "$unexplained"
exit 1
