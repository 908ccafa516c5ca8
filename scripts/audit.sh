#!/usr/bin/env bash
# Checks the dependencies: licences, sources, known vulnerabilities, and the oldest versions that are allowed.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

# The other packages of the repository, which are not published.
readonly OTHERS=(fuzz/Cargo.toml tests/cortex-m/Cargo.toml)

fail() {
    printf 'audit.sh: %s\n' "$1" >&2
    exit 2
}

case ${1-} in
    '') ;;
    -h | --help)
        cat <<'END'
Usage: scripts/audit.sh

Checks the dependencies with deny.toml: licences of what a dependent builds, no crate twice; sources of everything in the
workspace, in the fuzz targets and in the firmware. Looks for known vulnerabilities; an unreachable database is reported,
but is not a failure. Then builds the library with the oldest version that Cargo.toml allows of each direct
dependency, and runs its tests with them, in a folder of its own.

Needs cargo-deny (cargo install --locked cargo-deny) and a nightly toolchain, which chooses the versions. Exits with 1 if
something was wrong, and with 2 if it could not run.
END
        exit
        ;;
    *) fail "unknown argument $1; see --help" ;;
esac

cargo deny --version >/dev/null 2>&1 || fail 'cargo-deny is missing: cargo install --locked cargo-deny'
cargo +nightly --version >/dev/null 2>&1 || fail 'a nightly toolchain is missing: rustup toolchain install nightly'

wrong() {
    printf 'FAILED: %s\n' "$1"
    exit 1
}

printf 'licences of what a dependent builds, and where it comes from:\n'
cargo deny --locked check licenses bans sources || wrong 'the library'
printf '\nsources of all that the tests, benches and examples build:\n'
cargo deny --locked --workspace check --hide-inclusion-graph --allow duplicate bans sources || wrong 'the workspace'
for manifest in "${OTHERS[@]}"; do
    cargo deny --locked --manifest-path "$manifest" --config "$PWD/deny.toml" check --hide-inclusion-graph sources || wrong "$manifest"
done

printf '\nknown vulnerabilities:\n'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if ! cargo deny --locked check advisories >"$folder/advisories" 2>&1; then
    if grep -q 'failed to fetch advisory database' "$folder/advisories"; then
        printf 'not looked for: the database cannot be reached\n'
    else
        cat "$folder/advisories"
        wrong 'advisories'
    fi
else
    printf 'none\n'
fi

printf '\nthe oldest direct dependencies:\n'
git ls-files -z -- src examples tests benches Cargo.toml DESIGN.md README.md SECURITY.md rustfmt.toml |
    xargs -0 cp --parents -t "$folder"
target=${CARGO_TARGET_DIR:-$PWD/target}/oldest
cd "$folder"
# The members have dependencies of their own, which would be counted as direct.
sed -i 's/^members = .*/members = []/' Cargo.toml
cargo +nightly -Zdirect-minimal-versions generate-lockfile --quiet
cargo tree --quiet --all-features --depth 1 --edges normal,dev
export CARGO_TARGET_DIR=$target SSE_WIRE_TOKENS=1
# The tests run some of the examples, which are built as programs only by themselves.
cargo build --quiet --locked --all-features --examples || wrong 'the oldest'
cargo test --quiet --locked --all-features --lib --tests || wrong 'the oldest'
printf 'ok\n'
