#!/usr/bin/env bash
# The tests under valgrind's memcheck, which watches what the dependencies do with memory: there is no unsafe code here.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

# Those that take hours where each instruction is watched. Each has a smaller counterpart among the others.
readonly LEFT_OUT='allocations|client|emit|herd|hostile|inspect|linear|memory|simulation|soak'
# The same, of the modules of the program `decode`.
readonly SKIPPED=(end_of_stream:: limits:: mixed_calls:: one_grammar:: vectors::)

fail() {
    printf 'memcheck.sh: %s\n' "$1" >&2
    exit 2
}

case ${1-} in
    '') ;;
    -h | --help)
        cat <<END
Usage: scripts/memcheck.sh [TEST...]

Runs the tests under valgrind's memcheck, each TEST or, unless named, all but these, which would take hours:
  ${LEFT_OUT//|/ }
Of decode, without: ${SKIPPED[*]}
Prints how long each took. Ends with 1 if a test failed or memory was used wrongly, and with 2 if it could not run. Needs valgrind.
END
        exit
        ;;
    -*) fail "unknown argument $1; see --help" ;;
esac

command -v valgrind >/dev/null || fail 'valgrind is not installed'
source scripts/programs.sh
export PROPTEST_CASES=${PROPTEST_CASES:-16} SSE_WIRE_TOKENS=${SSE_WIRE_TOKENS:-1}
mapfile -t programs < <(
    cargo test --locked --all-features --lib --tests --no-run --message-format=json |
        programs 'test\|lib'
)
((${#programs[@]} > 0)) || fail 'there are no tests'
for name; do
    [[ " ${programs[*]%% *} " == *" $name "* ]] || fail "no test '$name'; there are: ${programs[*]%% *}"
done

status=0
for line in "${programs[@]}"; do
    read -r name program <<<"$line"
    if (($# > 0)); then
        [[ " $* " == *" $name "* ]] || continue
    elif [[ $name =~ ^($LEFT_OUT)$ ]]; then
        continue
    fi
    started=$SECONDS
    result=ok
    skip=()
    [[ $name != decode ]] || skip=("${SKIPPED[@]/#/--skip=}")
    # What is lost the counting allocators of the tests look for; one test leaks on purpose.
    valgrind --quiet --error-exitcode=99 --leak-check=no \
        "$program" --quiet --test-threads=1 "${skip[@]}" >/dev/null 2>"${TMPDIR:-/tmp}/memcheck.$$" || result="FAILED: exit status $?"
    [[ $result == ok ]] || { cat "${TMPDIR:-/tmp}/memcheck.$$"; status=1; }
    rm -f "${TMPDIR:-/tmp}/memcheck.$$"
    printf '%-18s %5d s  %s\n' "$name" "$((SECONDS - started))" "$result"
done
exit "$status"
