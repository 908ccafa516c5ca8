#!/usr/bin/env bash
# The library on bare metal: builds tests/cortex-m, runs it on a board that QEMU imitates, and says how large the library is there.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

readonly TARGET=thumbv7m-none-eabi
readonly TOOLS=(qemu-system-arm arm-none-eabi-ld arm-none-eabi-objdump arm-none-eabi-size)
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
QEMU's lm3s6965evb. It decodes tests/vectors byte by byte and in odd chunks, encodes and decodes again, and prints what it
checked. Then says how much flash a decoder takes, alone and with an encoder, and sees that no panic of core is linked.

The compiler is the usual one if it has the target (rustup target add $TARGET), otherwise Debian's, which builds
core from its source first (packages rustc-web, cargo-web and rust-web-src). Needs ${TOOLS[*]}
(packages qemu-system-arm and binutils-arm-none-eabi).

  --tools  only says which compiler it would be

Ends with 1 if something was wrong, and with 2 if it could not run.
END
}

case ${1-} in
    '' | --tools) ;;
    -h | --help) usage && exit ;;
    *) fail "unknown argument $1; see --help" ;;
esac

cargo=() standard=()
if [[ -d $(rustc --print sysroot)/lib/rustlib/$TARGET/lib ]]; then
    compiler=usual
    cargo=(cargo)
elif [[ -x /usr/bin/cargo && -x /usr/bin/rustc ]] &&
    [[ -d $(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library ]]; then
    compiler=Debian
    cargo=(env RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo)
    standard=(-Zbuild-std=core)
else
    fail "no compiler has $TARGET; see --help"
fi
for tool in "${TOOLS[@]}"; do
    command -v "$tool" >/dev/null || fail "$tool is missing; see --help"
done
printf 'compiler for %s: %s\n' "$TARGET" "$compiler"
[[ ${1-} != --tools ]] || exit 0

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/tests/cortex-m/target}
export CARGO_TARGET_THUMBV7M_NONE_EABI_LINKER=arm-none-eabi-ld
(cd tests/cortex-m && "${cargo[@]}" build --quiet --locked --release --target "$TARGET" "${standard[@]}") ||
    fail 'the firmware does not build'
readonly PROGRAMS=$CARGO_TARGET_DIR/$TARGET/release

printf '\nOn a Cortex-M3 with 64 KiB of memory:\n'
status=0
timeout "$SECONDS_TO_RUN" qemu-system-arm -cpu cortex-m3 -machine lm3s6965evb -nographic -monitor none -serial none \
    -semihosting-config enable=on,target=native -kernel "$PROGRAMS/checks" </dev/null 2>"$folder/errors" || status=$?
if ((status != 0)); then
    cat "$folder/errors"
    printf 'FAILED: the firmware ended with %d\n' "$status"
    exit 1
fi

# In bytes: what a program has of code, constants, and memory that is there from the start.
flash_and_memory() {
    arm-none-eabi-size "$PROGRAMS/$1" | awk 'NR == 2 { print $1 + $2, $2 + $3 }'
}

printf '\nOptimized for size (opt-level s, LTO), beyond a program that does nothing:\n'
read -r least_flash least_memory < <(flash_and_memory size-nothing)
for program in size-decoder-raw size-decoder size-both; do
    read -r flash memory < <(flash_and_memory "$program")
    printf '%-18s %6d bytes of flash, %d of static memory\n' \
        "$program:" $((flash - least_flash)) $((memory - least_memory))
done

# A panic is there if something refers to it: the linker drops what nothing refers to.
panics=$(arm-none-eabi-nm -C "$PROGRAMS/size-both" | grep -E 'core::panicking|_fail$' || true)
if [[ -n $panics ]]; then
    printf '\n%s\nThese refer to them, perhaps through what is not shown:\n' "$panics"
    arm-none-eabi-objdump -dC "$PROGRAMS/size-both" | awk '
        /^[0-9a-f]+ <.*>:$/ { sub(/^[0-9a-f]+ </, ""); sub(/>:$/, ""); name = $0 }
        /\tb[a-z.]*\t.*<(core::|<\[)/ && name ~ /sse_wire/ { print "  " name ": " $NF }' | sort -u
    printf 'FAILED: the library can panic, or the compiler cannot see that it does not\n'
    exit 1
fi
printf '\nNo panic of core is linked.\n'
