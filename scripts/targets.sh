#!/usr/bin/env bash
# The library where there is no operating system: WebAssembly, and microcontrollers.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

readonly WASM=wasm32-unknown-unknown CORTEX_M3=thumbv7m-none-eabi
# It has no atomic compare-and-swap: nothing there may depend on it.
readonly CORTEX_M0=thumbv6m-none-eabi
readonly TOOLS=(qemu-system-arm arm-none-eabi-ld arm-none-eabi-nm arm-none-eabi-objdump arm-none-eabi-size)
# Sets of features for a program in a browser; `none` is the empty one.
readonly WASM_SETS=(none alloc bytes stream bytes,stream http-body tokio alloc,simd std,simd)
# A run of the firmware takes a second.
readonly SECONDS_TO_RUN=120

usage() {
    cat <<END
Usage: scripts/targets.sh [--compiler] wasm | firmware

  wasm        builds the library for $WASM, warnings denied, with each of these sets of features:
              ${WASM_SETS[*]}
  firmware    builds tests/cortex-m for a Cortex-M3 ($CORTEX_M3), without std and without an allocator, and runs it on QEMU's
              lm3s6965evb: it decodes tests/vectors in chunks of several sizes, encodes, and decodes again. Prints the flash
              that a decoder and an encoder use. Checks that no panic of core is linked. Builds the library for
              $CORTEX_M0, without features, with alloc and with stream, warnings denied.
  --compiler  only prints which compiler is used

The compiler is the usual one if it has the target (rustup target add), otherwise Debian's, which builds the standard library
from its source first (packages rustc-web, cargo-web and rust-web-src). The firmware needs ${TOOLS[*]}
(packages qemu-system-arm and binutils-arm-none-eabi). Exits with 1 if a check failed, with 69 if no compiler has the target, and
with 2 if it could not run.
END
}

fail() {
    printf 'targets.sh: %s\n' "$1" >&2
    exit 2
}

# Sets `cargo` to the command that builds for target $1, and `compiler` to what it is. Fails if there is none.
choose_compiler() {
    command -v rustc >/dev/null || fail 'rustc is missing'
    if [[ -d $(rustc --print sysroot)/lib/rustlib/$1/lib ]]; then
        compiler=usual cargo=(cargo)
    elif [[ -x /usr/bin/cargo && -x /usr/bin/rustc ]] &&
        [[ -d $(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library ]]; then
        # To build the standard library is not stable.
        compiler=Debian cargo=(env RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo)
    else
        printf 'targets.sh: no compiler has %s; see --help\n' "$1" >&2
        exit 69
    fi
}

# Builds the library for target $1 with each of the sets of features $2 ...
build_library() {
    local target=$1 set features standard
    shift
    for set; do
        features=() standard=()
        [[ $set == none ]] || features=(--features "$set")
        if [[ $compiler == Debian ]]; then
            # http, whose types are in the trait of bodies, needs std.
            [[ $set =~ http-body|tokio|std ]] && standard=(-Zbuild-std=std,panic_abort) || standard=(-Zbuild-std=core,alloc)
        fi
        # `cargo rustc` denies the warnings of this crate alone, and need not build the dependencies anew for that.
        "${cargo[@]}" rustc --profile check --quiet --locked -p sse-wire --lib --target "$target" "${standard[@]}" \
            --no-default-features "${features[@]}" -- -D warnings || { printf 'FAILED: %s\n' "$set"; exit 1; }
        printf 'compiles for %s: %s\n' "$target" "$set"
    done
}

# Builds program $1 of the firmware with features $2.
build_firmware() {
    local standard=()
    [[ $compiler == usual ]] || standard=(-Zbuild-std=core)
    (cd tests/cortex-m && "${cargo[@]}" build --quiet --locked --release --target "$CORTEX_M3" "${standard[@]}" \
        --bin "$1" --features "$2") || fail "$1 does not build"
}

# Fails if something in `size`, built with $1, refers to a panic of core: the linker drops what nothing refers to.
no_panics() {
    local symbols
    symbols=$(arm-none-eabi-nm -C "$programs/size")
    [[ -n $symbols ]] || fail "$programs/size has no symbols"
    grep -E 'core::panicking|_fail$' <<<"$symbols" || return 0
    printf 'These refer to it, perhaps through what is not shown:\n'
    arm-none-eabi-objdump -dC "$programs/size" | awk '
        /^[0-9a-f]+ <.*>:$/ { sub(/^[0-9a-f]+ </, ""); sub(/>:$/, ""); name = $0 }
        /\tb[a-z.]*\t.*<(core::|<\[)/ && name ~ /sse_wire/ { print "  " name ": " $NF }' | sort -u
    printf 'FAILED: with %s the library can panic, or the compiler cannot see that it does not\n' "$1"
    return 1
}

# How much of `size` is the library, and how much are memcpy and its like, and core, which other code needs, too.
origins() {
    arm-none-eabi-nm -CS --radix=d "$programs/size" | awk '
        NF >= 4 && tolower($3) ~ /^[tw]$/ && !seen[$1]++ {
            if (/sse_wire::/) library += $2
            else if (/compiler_builtins|__aeabi_mem| mem[a-z]+$/) memory += $2
            else if (/ core::/) core += $2
        }
        END { printf "%d %d %d\n", library, memory, core }'
}

firmware() {
    local tool status=0 features flash memory library copies core least='' least_copies
    for tool in "${TOOLS[@]}"; do
        command -v "$tool" >/dev/null || fail "$tool is missing; see --help"
    done
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/tests/cortex-m/target}
    export CARGO_TARGET_THUMBV7M_NONE_EABI_LINKER=arm-none-eabi-ld
    readonly programs=$CARGO_TARGET_DIR/$CORTEX_M3/release

    build_firmware checks ''
    printf '\nOn a Cortex-M3 with 64 KiB of memory:\n'
    timeout "$SECONDS_TO_RUN" qemu-system-arm -cpu cortex-m3 -machine lm3s6965evb -nographic -monitor none -serial none \
        -semihosting-config enable=on,target=native -kernel "$programs/checks" </dev/null || status=$?
    ((status == 0)) || { printf 'FAILED: the firmware ended with %d\n' "$status"; exit 1; }

    printf '\nOptimized for size (opt-level s, LTO), beyond a program that does nothing, in bytes; the code of the library, of\n'
    printf 'memcpy and its like, and of core; what is left are constants and calls:\n'
    printf '%-14s %7s  %7s %7s %7s  %s\n' '' flash library memcpy core 'static memory'
    for features in '' decode_raw decode encode decode,encode; do
        build_firmware size "$features"
        # Code and constants; memory that is there from the start.
        read -r flash memory < <(arm-none-eabi-size "$programs/size" | awk 'NR == 2 { print $1 + $2, $2 + $3 }')
        read -r library copies core < <(origins)
        if [[ -z $features ]]; then
            least=$flash least_copies=$copies
            continue
        fi
        # Not by its symbols: all of the encoder may be inlined.
        ((flash > least)) || fail "nothing of the library is in $programs/size"
        printf '%-14s %7d  %7d %7d %7d  %d\n' "$features" $((flash - least)) "$library" $((copies - least_copies)) "$core" "$memory"
        no_panics "$features"
    done
    printf '\nNo panic of core is linked.\n\n'
    choose_compiler "$CORTEX_M0"
    build_library "$CORTEX_M0" none alloc stream
}

only_compiler=
for argument; do
    case $argument in
        --compiler) only_compiler=yes ;;
        wasm | firmware)
            [[ -z ${target-} ]] || fail 'wasm or firmware, one at a time'
            [[ $argument == wasm ]] && target=$WASM || target=$CORTEX_M3
            ;;
        -h | --help) usage && exit ;;
        *) fail "unknown argument $argument; see --help" ;;
    esac
done
[[ -n ${target-} ]] || fail 'wasm or firmware? see --help'
choose_compiler "$target"
printf 'compiler for %s: %s\n' "$target" "$compiler"
[[ -z $only_compiler ]] || exit 0
case $target in
    "$WASM") build_library "$target" "${WASM_SETS[@]}" ;;
    *) firmware ;;
esac
