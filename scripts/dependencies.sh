#!/usr/bin/env bash
# Checks which crates a dependent has to build: those in the lists below, and no others.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1-} in
    '') ;;
    -h | --help)
        cat <<'END'
Usage: scripts/dependencies.sh

Compares what a dependent has to build, on any platform, without features, with each feature alone and with all of them,
with the lists in this script.
END
        exit
        ;;
    *)
        printf '%s: unknown argument %s; see --help\n' "$0" "$1" >&2
        exit 2
        ;;
esac

# memchr and thiserror; the others are the macro of thiserror, which runs in the compiler.
readonly ALWAYS='memchr proc-macro2 quote syn thiserror thiserror-impl unicode-ident'
readonly SIMD='wide safe_arch bytemuck simdutf8'
readonly STREAM='futures-core pin-project-lite'

# What each feature adds to that.
declare -A ADDS=(
    [none]=''
    [default]=$SIMD
    [alloc]=''
    [std]=''
    [simd]=$SIMD
    [bytes]='bytes'
    [stream]=$STREAM
    # No feature of tokio that brings other crates.
    [tokio]="bytes $STREAM tokio tokio-util futures-sink libc"
    [http-body]="bytes $STREAM http-body http itoa"
    [embedded-io]='embedded-io'
    [embedded-io-async]='embedded-io-async embedded-io'
)
ADDS[all]=${ADDS[*]}

# One word a line, sorted, each once.
words() {
    # shellcheck disable=SC2048,SC2086 # to be split
    printf '%s\n' $* | sort -u
}

# In the order of Cargo.toml.
features=$(sed -n '/^\[features\]$/,/^$/s/^\([a-z0-9_-]*\) *=.*/\1/p' Cargo.toml)
failed=0
for feature in none $features all; do
    if [[ -z ${ADDS[$feature]+is} ]]; then
        printf 'this script has no list for the feature %s\n' "$feature"
        failed=1
        continue
    fi
    case $feature in
        none) options=(--no-default-features) ;;
        all) options=(--all-features) ;;
        *) options=(--no-default-features --features "$feature") ;;
    esac
    found=$(
        cargo tree --locked -p sse-wire --edges normal,build --target all "${options[@]}" --prefix none --format '{p}' |
            cut -d ' ' -f 1 | sort -u | grep -vx sse-wire
    )
    expected=$(words "$ALWAYS ${ADDS[$feature]}")
    if [[ $found != "$expected" ]]; then
        printf 'With %s other crates are built (>) than expected (<):\n' "$feature"
        diff <(printf '%s\n' "$expected") <(printf '%s\n' "$found") || true
        failed=1
    fi
    if [[ $feature == none ]]; then
        shown=$found
    else
        shown=$(comm -13 <(words "$ALWAYS") <(printf '%s\n' "$found"))
        shown=${shown:+and $shown}
        shown=${shown:-the same}
    fi
    printf '%-18s %2d  %s\n' "$feature" "$(wc -l <<<"$found")" "${shown//$'\n'/, }"
done
exit "$failed"
