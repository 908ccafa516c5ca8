#!/usr/bin/env bash
# What a crate that depends on this one has to build besides it: the list below, and nothing else.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1-} in
    '') ;;
    -h | --help)
        cat <<'END'
Usage: scripts/dependencies.sh

Compares what a dependent has to build, on any platform, without features, with alloc and with the default features,
with the list in this script.
END
        exit
        ;;
    *)
        printf '%s: unknown argument %s; see --help\n' "$0" "$1" >&2
        exit 2
        ;;
esac

# memchr and thiserror; the others are the macro of thiserror, which is run by the compiler and linked into nothing.
expected='memchr
proc-macro2
quote
syn
thiserror
thiserror-impl
unicode-ident'

for features in --no-default-features '--no-default-features --features alloc' ''; do
    # shellcheck disable=SC2086 # several words, or none
    found=$(cargo tree --locked --edges normal,build --target all $features --prefix none --format '{p}' |
        cut -d ' ' -f 1 | sort -u | grep -vx sse-wire)
    if [[ $found != "$expected" ]]; then
        printf 'With "%s" other crates are built than expected (<) :\n' "$features"
        diff <(printf '%s\n' "$expected") <(printf '%s\n' "$found")
        exit 1
    fi
done
printf 'dependents build: %s\n' "${expected//$'\n'/, }"
