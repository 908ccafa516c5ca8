#!/usr/bin/env bash
# What fuzzing found so far that goes ways of its own: kept in the repository, packed.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

readonly ARCHIVE=fuzz/corpus.tar.gz CORPUS=fuzz/corpus
# In bytes: a repository keeps every version.
readonly MOST=$((2 << 20))

usage() {
    cat <<END
Usage: scripts/corpus.sh unpack | pack

  unpack  adds the inputs of $ARCHIVE to $CORPUS, where scripts/fuzz.sh looks for them
  pack    of all inputs in $CORPUS, and those that are packed, takes as few as reach every place of the code that any of
          them reaches, and packs these instead; at most $MOST bytes. Takes minutes. Needs a nightly toolchain and cargo-fuzz.

Ends with 1 if what is to be packed is too large, and with 2 if it could not run.
END
}

fail() {
    printf 'corpus.sh: %s\n' "$1" >&2
    exit 2
}

unpack() {
    mkdir -p "$CORPUS"
    tar -xzf "$ARCHIVE" -C "$CORPUS" --skip-old-files || fail "$ARCHIVE cannot be unpacked"
}

pack() {
    [[ ! -e $ARCHIVE ]] || unpack
    local targets target packed size folder
    targets=$(cargo +nightly fuzz list) || fail 'needs a nightly toolchain and cargo-fuzz; see scripts/fuzz.sh --help'
    cargo +nightly fuzz build --sanitizer none || fail 'the targets do not build'
    folder=$(mktemp -d)
    # shellcheck disable=SC2064 # as it is now
    trap "rm -rf '$folder'" EXIT
    printf '%-12s %8s %10s\n' target inputs bytes
    for target in $targets; do
        mkdir "$folder/$target"
        [[ -d $CORPUS/$target ]] || continue
        # How often a place is reached does not matter: it would make eight times as many.
        cargo +nightly fuzz run --sanitizer none "$target" "$folder/$target" "$CORPUS/$target" -- \
            -merge=1 -use_counters=0 >"$folder/log" 2>&1 || {
            tail -n 20 "$folder/log"
            fail "$target: the inputs could not be merged"
        }
        rm -f "$folder/log"
        printf '%-12s %8d %10d\n' "$target" "$(find "$folder/$target" -type f | wc -l)" \
            "$(find "$folder/$target" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }')"
    done
    packed=$folder/packed.tar.gz
    # The same inputs are the same archive.
    (cd "$folder" && tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w -c $targets) |
        gzip -9n >"$packed"
    size=$(wc -c <"$packed")
    printf 'packed: %d bytes\n' "$size"
    if ((size > MOST)); then
        printf 'FAILED: more than %d bytes\n' "$MOST"
        exit 1
    fi
    cp "$packed" "$ARCHIVE"
}

case ${1-} in
    unpack | pack) ;;
    -h | --help) usage && exit ;;
    '') fail 'unpack or pack? see --help' ;;
    *) fail "unknown argument $1; see --help" ;;
esac
(($# < 2)) || fail "unknown argument $2; see --help"
for tool in tar gzip; do
    command -v "$tool" >/dev/null || fail "$tool is missing"
done
"$1"
