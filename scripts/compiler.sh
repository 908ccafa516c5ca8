# To be sourced: which compiler builds for a target that has no operating system.

# Sets `compiler` to `usual` if the usual one has target $1, otherwise to `Debian` if that is there, otherwise to nothing; and
# `cargo` to the command. Calls `fail` if there is no compiler at all.
choose_compiler() {
    compiler='' cargo=()
    command -v rustc >/dev/null || fail 'rustc is missing'
    if [[ -d $(rustc --print sysroot)/lib/rustlib/$1/lib ]]; then
        compiler=usual
        cargo=(cargo)
    elif [[ -x /usr/bin/cargo && -x /usr/bin/rustc ]] &&
        [[ -d $(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library ]]; then
        compiler=Debian
        # The standard library has to be built from its source, which is not stable.
        cargo=(env RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo)
    fi
}
