#!/usr/bin/env bash
# The library on bare metal: builds tests/cortex-m, runs it on a board in QEMU, and prints how large the library is there.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

readonly TARGET=thumbv7m-none-eabi
# It has no atomic compare-and-swap: nothing there may depend on it.
readonly WITHOUT_ATOMICS=thumbv6m-none-eabi
readonly TOOLS=(qemu-system-arm arm-none-eabi-ld arm-none-eabi-nm arm-none-eabi-objdump arm-none-eabi-size)
# A run takes a second.
readonly SECONDS_TO_RUN=120

fail() {
    printf 'firmware.sh: %s\n' "$1" >&2
    exit 2
}

usage() {
    cat <<END
Usage: scripts/firmware.sh [--tools]

Builds the firmware of tests/cortex-m for a Cortex-M3 ($TARGET), without std and without an allocator, and runs it on
QEMU's lm3s6965evb. It decodes tests/vectors byte by byte and in chunks of several sizes, encodes and decodes again, and
prints what it checked. Then the script prints how much flash a decoder and an encoder take, alone and together, checks that no
panic of core is linked, and builds the library for $WITHOUT_ATOMICS, without features, with alloc and with stream, warnings denied.

The compiler is the usual one if it has the target (rustup target add $TARGET $WITHOUT_ATOMICS),
otherwise Debian's, which builds core from its source first (packages rustc-web, cargo-web and rust-web-src). Needs ${TOOLS[*]}
(packages qemu-system-arm and binutils-arm-none-eabi).

  --tools  only prints which compiler it uses

The exit status is 1 if a check failed, and 2 if the script could not run.
END
}

case ${1-} in
    '' | --tools) ;;
    -h | --help) usage && exit ;;
    *) fail "unknown argument $1; see --help" ;;
esac
(($# < 2)) || fail "unknown argument $2; see --help"

source scripts/compiler.sh
choose_compiler "$WITHOUT_ATOMICS"
[[ -n $compiler ]] || fail "no compiler has $WITHOUT_ATOMICS; see --help"
library_compiler=$compiler library_cargo=("${cargo[@]}")
choose_compiler "$TARGET"
[[ -n $compiler ]] || fail "no compiler has $TARGET; see --help"
standard=()
[[ $compiler == usual ]] || standard=(-Zbuild-std=core)
for tool in "${TOOLS[@]}"; do
    command -v "$tool" >/dev/null || fail "$tool is missing; see --help"
done
printf 'compiler for %s: %s\n' "$TARGET" "$compiler"
[[ ${1-} != --tools ]] || exit 0

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/tests/cortex-m/target}
export CARGO_TARGET_THUMBV7M_NONE_EABI_LINKER=arm-none-eabi-ld
readonly PROGRAMS=$CARGO_TARGET_DIR/$TARGET/release

# Builds program $1 with features $2.
build() {
    (cd tests/cortex-m && "${cargo[@]}" build --quiet --locked --release --target "$TARGET" "${standard[@]}" \
        --bin "$1" --features "$2") || fail "$1 does not build"
}

build checks ''
printf '\nOn a Cortex-M3 with 64 KiB of memory:\n'
status=0
timeout "$SECONDS_TO_RUN" qemu-system-arm -cpu cortex-m3 -machine lm3s6965evb -nographic -monitor none -serial none \
    -semihosting-config enable=on,target=native -kernel "$PROGRAMS/checks" </dev/null 2>"$folder/errors" || status=$?
if ((status != 0)); then
    cat "$folder/errors"
    printf 'FAILED: the firmware ended with %d\n' "$status"
    exit 1
fi

# Fails if something in `size` refers to a panic of core: the linker drops what nothing refers to.
no_panics() {
    local symbols
    symbols=$(arm-none-eabi-nm -C "$PROGRAMS/size")
    grep -E 'core::panicking|_fail$' <<<"$symbols" || return 0
    printf 'These refer to it, perhaps through what is not shown:\n'
    arm-none-eabi-objdump -dC "$PROGRAMS/size" | awk '
        /^[0-9a-f]+ <.*>:$/ { sub(/^[0-9a-f]+ </, ""); sub(/>:$/, ""); name = $0 }
        /\tb[a-z.]*\t.*<(core::|<\[)/ && name ~ /sse_wire/ { print "  " name ": " $NF }' | sort -u
    printf 'FAILED: with %s the library can panic, or the compiler cannot see that it does not\n' "$1"
    return 1
}

# How much of `size` is the library, and how much are memcpy and its like, and core, which other code needs, too.
origins() {
    arm-none-eabi-nm -CS --radix=d "$PROGRAMS/size" | awk '
        NF >= 4 && tolower($3) ~ /^[tw]$/ && !seen[$1]++ {
            if (/sse_wire::/) library += $2
            else if (/compiler_builtins|__aeabi_mem| mem[a-z]+$/) memory += $2
            else if (/ core::/) core += $2
        }
        END { printf "%d %d %d\n", library, memory, core }'
}

printf '\nOptimized for size (opt-level s, LTO), beyond a program that does nothing, in bytes; the code of the library, of memcpy\n'
printf 'and its like, and of core; what is left are constants and calls:\n'
printf '%-14s %7s  %7s %7s %7s  %s\n' '' flash library memcpy core 'static memory'
least=
for features in '' decode_raw decode encode decode,encode; do
    build size "$features"
    # In bytes: code, constants, and memory that is there from the start.
    read -r flash memory < <(arm-none-eabi-size "$PROGRAMS/size" | awk 'NR == 2 { print $1 + $2, $2 + $3 }')
    read -r library copies core < <(origins)
    if [[ -z $features ]]; then
        least=$flash least_copies=$copies
        continue
    fi
    printf '%-14s %7d  %7d %7d %7d  %d\n' "$features" $((flash - least)) "$library" $((copies - least_copies)) "$core" "$memory"
    no_panics "$features"
done
printf '\nNo panic of core is linked.\n'

printf '\nOn %s, which has no atomics:\n' "$WITHOUT_ATOMICS"
standard=()
[[ $library_compiler == usual ]] || standard=(-Zbuild-std=core,alloc)
for features in none alloc stream; do
    with=()
    [[ $features == none ]] || with=(--features "$features")
    "${library_cargo[@]}" rustc --quiet --locked -p sse-wire --lib --target "$WITHOUT_ATOMICS" "${standard[@]}" \
        --no-default-features "${with[@]}" -- -D warnings || {
        printf 'FAILED: %s\n' "$features"
        exit 1
    }
    printf 'builds: %s\n' "$features"
done
