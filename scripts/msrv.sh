#!/usr/bin/env bash
# The compiler that Cargo.toml promises (rust-version) is new enough for the code and for all that it depends on.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1-} in
    '') ;;
    -h | --help)
        cat <<'END'
Usage: scripts/msrv.sh

Checks with clippy that the library uses nothing of the standard library that is newer than the rust-version of
Cargo.toml, and with cargo metadata that no crate that a dependent has to build, with any feature and on any platform,
declares a newer one. Needs jq.
END
        exit
        ;;
    *)
        printf '%s: unknown argument %s; see --help\n' "$0" "$1" >&2
        exit 2
        ;;
esac

for features in --no-default-features --all-features; do
    cargo clippy --locked --lib "$features" -- -D clippy::incompatible_msrv
done

# The other members of the workspace are not looked at: what they need is not a dependent's business.
needed=$(
    cargo tree --locked -p sse-wire --all-features --edges normal,build --target all --prefix none --format '{p}' |
        cut -d ' ' -f 1,2 | sort -u | grep -v '^sse-wire '
)
report=$(cargo metadata --locked --format-version 1 --all-features | jq -r --arg needed "$needed" '
    def number: split(".") | map(tonumber) + [0, 0] | .[:3];
    ($needed | split("\n")) as $needed
    | (.packages[] | select(.name == "sse-wire").rust_version) as $ours
    | .packages[]
    | select(IN("\(.name) v\(.version)"; $needed[]))
    | (.rust_version // "0") as $theirs
    | "\(.name) \(.version): rust-version \(.rust_version // "not declared")"
        + if ($theirs | number) > ($ours | number) then ", NEWER than our \($ours)" else "" end')
printf '%s\n' "$report"
if (($(wc -l <<<"$report") != $(wc -l <<<"$needed"))); then
    printf 'of the crates that are needed, some are not in the metadata\n'
    exit 1
fi
! grep NEWER <<<"$report" >/dev/null
