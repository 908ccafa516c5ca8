#!/usr/bin/env bash
# The library builds for WebAssembly, where there are no threads, no sockets and 32 bits to an address.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

readonly TARGET=wasm32-unknown-unknown
# Sets of features for a program in a browser; `none` is the empty one.
readonly SETS=(none alloc bytes stream bytes,stream http-body tokio alloc,simd std,simd)

fail() {
    printf 'wasm.sh: %s\n' "$1" >&2
    exit 2
}

usage() {
    cat <<END
Usage: scripts/wasm.sh [--compiler]

Builds the library for $TARGET, warnings denied, with each of these sets of features:
  ${SETS[*]}

The compiler is the usual one if it has the target (rustup target add $TARGET), otherwise Debian's, which
builds the standard library from its source first (packages rustc-web, cargo-web and rust-web-src): all of it where a
dependency needs it, otherwise nothing but core and alloc. Ends with 2 if there is neither.

  --compiler  only prints which of the two it uses
END
}

case ${1-} in
    '' | --compiler) ;;
    -h | --help) usage && exit ;;
    *) fail "unknown argument $1; see --help" ;;
esac
(($# < 2)) || fail "unknown argument $2; see --help"

source scripts/compiler.sh
choose_compiler "$TARGET"
[[ -n $compiler ]] || fail "no compiler has $TARGET; see --help"
printf 'compiler for %s: %s\n' "$TARGET" "$compiler"
[[ ${1-} != --compiler ]] || exit 0

for set in "${SETS[@]}"; do
    features=() standard=()
    [[ $set == none ]] || features=(--features "$set")
    if [[ $compiler == Debian ]]; then
        # http, whose types are in the trait of bodies, needs std.
        case $set in
            *http-body* | *tokio* | *std*) standard=(-Zbuild-std=std,panic_abort) ;;
            *) standard=(-Zbuild-std=core,alloc) ;;
        esac
    fi
    # `cargo rustc` denies the warnings of this crate alone, and need not build the dependencies anew for that.
    "${cargo[@]}" rustc --quiet --locked -p sse-wire --lib --target "$TARGET" "${standard[@]}" \
        --no-default-features "${features[@]}" -- -D warnings || {
        printf 'FAILED: %s\n' "$set"
        exit 1
    }
    printf 'builds: %s\n' "$set"
done
