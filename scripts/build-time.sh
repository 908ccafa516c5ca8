#!/usr/bin/env bash
# How long a dependent waits for this crate and its dependencies, when nothing has been built before.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

readonly RUNS=3

case ${1-} in
    '') ;;
    -h | --help)
        cat <<END
Usage: scripts/build-time.sh

Builds the library and its dependencies $RUNS times in release and $RUNS times in dev, each time in a new folder, without
features, with the default features and with all of them, and prints the medians in seconds. What is built was fetched
before. The times depend on the machine, and on what else it does.
END
        exit
        ;;
    *)
        printf '%s: unknown argument %s; see --help\n' "$0" "$1" >&2
        exit 2
        ;;
esac

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CARGO_INCREMENTAL=0
cargo fetch --locked --quiet

# The milliseconds of one build in a new folder.
milliseconds() {
    local started target
    target=$(mktemp -d "$folder/XXXXXX")
    started=${EPOCHREALTIME/[.,]/}
    cargo build --quiet --locked --offline -p sse-wire --lib --target-dir "$target" "$@" || return
    printf '%d\n' "$(((${EPOCHREALTIME/[.,]/} - started) / 1000))"
    rm -rf "$target"
}

median() {
    local run times
    times=$(for ((run = 0; run < RUNS; run++)); do milliseconds "$@" || exit; done) || return
    sort -n <<<"$times" | awk '{ all[NR] = $1 } END { printf "%.1f\n", all[(NR + 1) / 2] / 1000 }'
}

rustc --version
printf '%d cores, median of %d, in seconds\n\n%-9s %7s %7s\n' "$(nproc)" "$RUNS" features release dev
for features in --no-default-features '' --all-features; do
    # shellcheck disable=SC2086 # a word, or none
    release=$(median --release $features)
    # shellcheck disable=SC2086 # a word, or none
    dev=$(median $features)
    case $features in
        --no-default-features) name=none ;;
        '') name=default ;;
        *) name=all ;;
    esac
    printf '%-9s %7s %7s\n' "$name" "$release" "$dev"
done
