#!/usr/bin/env bash
# The crate as its users get it: files, dependencies, oldest compiler, and programs that depend on it.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

# What a dependent has to build on any platform, and what each feature adds. Of `none`, all but memchr and thiserror is the
# macro of thiserror, which runs in the compiler.
declare -rA CRATES=(
    [none]='memchr proc-macro2 quote syn thiserror thiserror-impl unicode-ident'
    [std]='' [alloc]='' [simd]='bytemuck safe_arch simdutf8 wide' [default]='bytemuck safe_arch simdutf8 wide'
    [bytes]='bytes' [stream]='futures-core pin-project-lite'
    # No feature of tokio that brings other crates.
    [tokio]='bytes futures-core futures-sink libc pin-project-lite tokio tokio-util'
    [http-body]='bytes futures-core http http-body itoa pin-project-lite'
    [embedded-io]='embedded-io' [embedded-io-async]='embedded-io embedded-io-async'
    # The macro has the dependencies of that of thiserror.
    [serde]='serde serde_core serde_derive' [json]='itoa serde serde_core serde_derive serde_json zmij'
)
# What nm shows of an allocator and of std.
declare -rA SYMBOLS=(
    [allocator]='(^|[^:[:alnum:]_])alloc::|__(rust|rg|rdl)_(alloc|dealloc|realloc)|[[:space:]](aligned_alloc|brk|calloc|free|malloc|memalign|mmap|posix_memalign|realloc|sbrk)(@|$)'
    [std]='(^|[^:[:alnum:]_])std::'
)

usage() {
    cat <<'END'
Usage: scripts/package.sh [--allow-dirty]

Checks three things: the crates that each feature adds; that none needs a compiler newer than the rust-version of Cargo.toml,
neither as locked nor in a new crate; and the files in the .crate that `cargo package` makes. Then builds every program of tests/consumers against the unpacked
crate, runs it, and looks with nm for an allocator and for std in it. Works in a temporary folder. Exits with 1 if a check
failed, and with 2 if it could not run. Needs jq and nm.

  --allow-dirty  packages what is in the work tree, committed or not
END
}

fail() {
    printf 'FAILED: %s\n' "$*"
    exit 1
}

# Names and versions of the crates that a dependent builds with the features that the options $@ select.
tree() {
    cargo tree --locked -p sse-wire --edges normal,build --target all "$@" --prefix none --format '{p}' |
        cut -d ' ' -f 1,2 | sort -u | grep -v '^sse-wire '
}

check_dependencies() {
    local feature found expected
    printf 'crates that a dependent builds:\n'
    for feature in none "${features[@]}"; do
        [[ -n ${CRATES[$feature]+is} ]] || fail "this script has no list of crates for the feature $feature"
        found=$(tree --no-default-features --features "${feature/none/}" | cut -d ' ' -f 1)
        # shellcheck disable=SC2086 # to be split
        expected=$(printf '%s\n' ${CRATES[none]} ${CRATES[$feature]} | sort -u)
        diff <(printf '%s\n' "$expected") <(printf '%s\n' "$found") || fail "$feature: these are missing (<) or too many (>)"
        printf '%-18s %2d  %s\n' "$feature" "$(wc -l <<<"$found")" "${CRATES[$feature]}"
    done
}

# Which compiler each crate of $2 (names and versions, a line each) declares, by the metadata in the file $1.
check_declared() {
    local report newer
    report=$(jq -r --arg needed "$2" '
        def number: split(".") | map(tonumber) + [0, 0] | .[:3];
        ($needed | split("\n")) as $needed
        | (.packages[] | select(.name == "sse-wire").rust_version) as $ours
        | .packages[]
        | select(IN("\(.name) v\(.version)"; $needed[]))
        | "\(.name) \(.version): \(.rust_version // "not declared")"
            + if ((.rust_version // "0") | number) > ($ours | number) then ", NEWER than \($ours)" else "" end' "$1")
    (($(wc -l <<<"$report") == $(wc -l <<<"$2"))) || fail 'some crates are not in the metadata'
    newer=$(grep NEWER <<<"$report") && fail "$newer"
    printf 'no crate of %d needs a compiler newer than the rust-version\n\n' "$(wc -l <<<"$report")"
}

# Neither the standard library's newer parts, nor a dependency that declares a newer compiler.
check_oldest_compiler() {
    for options in --no-default-features --all-features; do
        cargo clippy --quiet --locked --lib "$options" -- -D clippy::incompatible_msrv
    done
    # Other members of the workspace do not concern a dependent.
    cargo metadata --locked --format-version 1 --all-features >"$folder/metadata"
    printf '\nwith the lock file: '
    check_declared "$folder/metadata" "$(tree --all-features)"
}

# The same for the newest versions, which a new crate gets whose resolver does not look at the compiler.
check_fresh_crate() {
    mkdir -p "$folder/fresh/src"
    touch "$folder/fresh/src/lib.rs"
    printf '[package]\nname = "fresh"\nedition = "2021"\nresolver = "2"\n[dependencies.sse-wire]\npath = "../sse-wire"\nfeatures = [%s]\n' \
        "$(printf '"%s", ' "${features[@]}")" >"$folder/fresh/Cargo.toml"
    (cd "$folder/fresh" && cargo generate-lockfile --quiet && cargo metadata --locked --format-version 1) >"$folder/metadata"
    printf 'without a lock file: '
    check_declared "$folder/metadata" "$(cd "$folder/fresh" && cargo tree --locked --edges normal,build --target all --prefix none \
        --format '{p}' | cut -d ' ' -f 1,2 | sort -u | grep -v '^fresh \|^sse-wire ')"
}

# Makes the crate, and unpacks it to $folder/sse-wire.
check_files() {
    local expected found crate
    cargo package --locked --no-verify "$@"
    crate=("$CARGO_TARGET_DIR"/package/*.crate)
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
    printf '%s: %d files\n' "${crate[0]##*/}" "$(wc -l <<<"$found")"
}

# Every feature is on in a program: the steps of the codec in one of their own, the others may share one.
check_that_every_feature_is_used() {
    local feature
    for feature in none "${features[@]}"; do
        case $feature in
            default | simd) ;; # The program `std` has both.
            none | alloc | std) [[ -d tests/consumers/$feature ]] || fail "tests/consumers has no program $feature" ;;
            *) grep -qE "^sse-wire = .*features = \[.*\"$feature\"" tests/consumers/*/Cargo.toml ||
                fail "no program in tests/consumers has the feature $feature" ;;
        esac
    done
}

# Builds and runs the program of folder $1, and compares its symbols with those that its manifest declares.
check_consumer() {
    local manifest=$1/Cargo.toml name=${1##*/} program symbols kind stated count
    printf -- '--- %s\n' "$name"
    cp -r "$1" "$folder/$name"
    sed -i 's,path = "\.\./\.\./\.\.",path = "../sse-wire",' "$folder/$name/Cargo.toml"
    # From its folder, so that no configuration of this one applies.
    (cd "$folder/$name" && RUSTFLAGS='-D warnings' cargo build --release --locked)
    (cd "$folder/$name" && cargo tree --locked --prefix none --format '{p}') | grep -qF "$folder/sse-wire)" ||
        fail "$name does not depend on the unpacked crate"
    program=$CARGO_TARGET_DIR/release/consumer-$name
    "$program" || fail "$name ended with status $?"
    symbols=$(nm --demangle "$program")
    grep -q ' T main$' <<<"$symbols" || fail "$program has no symbols"
    for kind in "${!SYMBOLS[@]}"; do
        stated=$(sed -n "/^\[package.metadata.symbols\]$/,/^$/s/^$kind = //p" "$manifest")
        count=$(grep -cE "${SYMBOLS[$kind]}" <<<"$symbols" || true)
        case $stated in
            false) ((count == 0)) || { grep -E "${SYMBOLS[$kind]}" <<<"$symbols"; fail "there must be no $kind in it"; } ;;
            true) ((count > 0)) || fail "there must be $kind in it, or the search does not find it" ;;
            *) fail "$manifest does not say whether there is $kind" ;;
        esac
        found[$kind]=$((${found[$kind]-0} + count))
        printf 'symbols of %s: %d\n' "$kind" "$count"
    done
}

case $* in
    '' | --allow-dirty) ;;
    -h | --help) usage && exit ;;
    *) printf 'package.sh: unknown arguments %s; see --help\n' "$*" >&2 && exit 2 ;;
esac
for tool in jq nm; do
    command -v "$tool" >/dev/null || { printf 'package.sh: %s is missing\n' "$tool" >&2 && exit 2; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mapfile -t features < <(cargo metadata --no-deps --format-version 1 | jq -r '.packages[] | select(.name == "sse-wire").features | keys[]')
((${#features[@]} == ${#CRATES[@]} - 1)) || fail "Cargo.toml has ${#features[@]} features, this script has $((${#CRATES[@]} - 1))"
check_dependencies
check_oldest_compiler
export CARGO_TARGET_DIR=$folder/target
check_files "$@"
check_fresh_crate
check_that_every_feature_is_used
declare -A found=()
for consumer in tests/consumers/*/; do
    check_consumer "${consumer%/}"
done
for kind in "${!SYMBOLS[@]}"; do
    ((${found[$kind]-0} > 0)) || fail "no program has $kind: nothing shows that the search finds it"
done
