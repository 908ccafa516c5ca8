#!/usr/bin/env bash
# Checks the crate as it would be published: its files, and programs that depend on it.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

options=()
for argument in "$@"; do
    case $argument in
        --allow-dirty) options+=("$argument") ;;
        -h | --help)
            cat <<'END'
Usage: scripts/package.sh [--allow-dirty]

Makes the .crate with `cargo package`, which builds it, and checks which files are in it. Then builds every program of
tests/consumers against the unpacked crate, runs it, and looks with nm for an allocator and for std in it.
All of this happens in a temporary folder. Needs nm.

  --allow-dirty  packages what is in the work tree, committed or not
END
            exit
            ;;
        *)
            printf '%s: unknown argument %s; see --help\n' "$0" "$argument" >&2
            exit 2
            ;;
    esac
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CARGO_TARGET_DIR=$folder/target

fail() {
    printf 'FAILED: %s\n' "$*"
    exit 1
}

cargo package --locked "${options[@]}"
crate=("$folder"/target/package/*.crate)
tar -xzf "${crate[0]}" -C "$folder"
mv "$folder"/sse-wire-*/ "$folder/sse-wire"

# What cargo adds, what a reader looks for, and the library with its guides.
expected=$({
    printf '%s\n' .cargo_vcs_info.json Cargo.lock Cargo.toml Cargo.toml.orig \
        CHANGELOG.md DESIGN.md LICENSE-APACHE LICENSE-MIT README.md
    find src -type f
} | sort)
found=$(cd "$folder/sse-wire" && find . -type f | sed 's,^\./,,' | sort)
diff <(printf '%s\n' "$expected") <(printf '%s\n' "$found") || fail 'these files are missing (<) or too many (>)'
printf '%s: %d files\n' "$(basename "${crate[0]}")" "$(wc -l <<<"$found")"

declare -rA SYMBOLS=(
    [allocator]='(^|[^:[:alnum:]_])alloc::|__(rust|rg|rdl)_(alloc|dealloc|realloc)|[[:space:]](aligned_alloc|brk|calloc|free|malloc|memalign|mmap|posix_memalign|realloc|sbrk)(@|$)'
    [std]='(^|[^:[:alnum:]_])std::'
)

# Compares the symbols of a program with those that its manifest declares. Programs that must have some show that the search finds
# them.
check_symbols() {
    local manifest=$1 program=$2 symbols kind stated count
    symbols=$(nm --demangle "$program")
    grep -q ' T main$' <<<"$symbols" || fail "$program has no symbols"
    for kind in "${!SYMBOLS[@]}"; do
        stated=$(sed -n "/^\[package.metadata.symbols\]$/,/^$/s/^$kind = //p" "$manifest")
        count=$(grep -cE "${SYMBOLS[$kind]}" <<<"$symbols" || true)
        case $stated in
            false) ((count == 0)) || {
                grep -E "${SYMBOLS[$kind]}" <<<"$symbols"
                fail "there must be no $kind in it"
            } ;;
            true)
                ((count > 0)) || fail "there must be $kind in it, or the search does not find it"
                with[$kind]=$((${with[$kind]-0} + 1))
                ;;
            *) fail "$manifest does not say whether there is $kind" ;;
        esac
        printf 'symbols of %s: %d\n' "$kind" "$count"
    done
}

# One program for each step of the codec's own features; the other features may share one.
for feature in none $(sed -n '/^\[features\]$/,/^$/s/^\([a-z0-9_-]*\) *=.*/\1/p' Cargo.toml); do
    case $feature in
        # The program `std` has both.
        default | simd) ;;
        none | alloc | std)
            [[ -d tests/consumers/$feature ]] || fail "tests/consumers has no program for the feature $feature"
            ;;
        *)
            grep -qE "^sse-wire = .*features = \[.*\"$feature\"" tests/consumers/*/Cargo.toml ||
                fail "no program in tests/consumers has the feature $feature"
            ;;
    esac
done

declare -A with=()
for consumer in tests/consumers/*/; do
    consumer=${consumer%/}
    name=${consumer##*/}
    printf -- '--- %s\n' "$name"
    cp -r "$consumer" "$folder/$name"
    sed -i 's,path = "\.\./\.\./\.\.",path = "../sse-wire",' "$folder/$name/Cargo.toml"
    # From its folder, so that no configuration of this one applies.
    (cd "$folder/$name" && cargo build --release --locked)
    (cd "$folder/$name" && cargo tree --locked --prefix none --format '{p}') |
        grep -qF "$folder/sse-wire)" || fail "$name does not depend on the unpacked crate"
    program=$folder/target/release/consumer-$name
    "$program" || fail "$name ended with status $?"
    check_symbols "$consumer/Cargo.toml" "$program"
done
for kind in "${!SYMBOLS[@]}"; do
    ((${with[$kind]-0} > 0)) || fail "no program has $kind: nothing shows that the search finds it"
done
