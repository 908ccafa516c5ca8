#!/usr/bin/env bash
# Whole lines and lines split across chunks have one grammar: compares the two for every sequence of tokens.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    cat <<'END'
Usage: scripts/one-grammar.sh [TOKENS [FEATURES...]]

Runs tests/decode/one_grammar in release with every sequence of up to TOKENS tokens (3 unless given), once with each of
FEATURES, a set of features: std and std,simd unless given, which search for line ends in different ways. Ends with 0 if both return the same for every stream, with 1 if they do not, and with 2 if it could not run.

With two processors, 3 tokens take a minute for each of FEATURES, 4 take ten minutes, and 5 take half an hour or more.
END
}

fail() {
    printf 'one-grammar.sh: %s\n' "$1" >&2
    exit 2
}

case "${1-}" in
    -h | --help)
        usage
        exit
        ;;
esac
tokens=${1:-3}
[[ $tokens =~ ^[1-5]$ ]] || fail "'$tokens' is not a number of tokens from 1 to 5; see --help"
builds=("${@:2}")
((${#builds[@]} > 0)) || builds=(std std,simd)

log=$(mktemp)
trap 'rm -f "$log"' EXIT
summary=
status=0
for build in "${builds[@]}"; do
    cargo test --locked --release --no-default-features --features="$build" --test decode --no-run || fail "it does not build with $build"
    printf '\n%s, up to %s tokens\n' "$build" "$tokens"
    result=ok
    SSE_WIRE_TOKENS=$tokens cargo test --quiet --locked --release --no-default-features --features="$build" \
        --test decode one_grammar:: -- --nocapture |
        tee "$log" || result=DIFFER
    # A line for each kind of streams; the one of the sequences says how many tokens they had.
    if [[ $result == ok ]] && ! grep -qE "^\.*up to $tokens tokens: .* 0 mismatches$" "$log"; then
        result='DID NOT RUN'
    fi
    [[ $result == ok ]] || status=1
    summary+=$(printf '\n%s: %s\n' "$build" "$result")
    summary+=$'\n'$(sed -n 's/^\.*\(.* mismatches\)$/\1/p' "$log")
done
printf '%s\n' "$summary"
exit "$status"
