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

# Every crate that is reached from this one over normal and build dependencies, and which of them declare more.
report=$(cargo metadata --locked --format-version 1 --all-features | jq -r '
    def number: split(".") | map(tonumber) + [0, 0] | .[:3];
    .resolve.root as $root
    | (.resolve.nodes | map({(.id): [.deps[] | select(any(.dep_kinds[]; .kind != "dev")) | .pkg]}) | add) as $needs
    | def reached: (. + map($needs[.][]) | unique) as $more | if $more == . then . else $more | reached end;
    ([$root] | reached) as $reached
    | (.packages[] | select(.id == $root).rust_version) as $ours
    | .packages[]
    | select(.id != $root and IN(.id; $reached[]))
    | (.rust_version // "0") as $theirs
    | "\(.name) \(.version): rust-version \(.rust_version // "not declared")"
        + if ($theirs | number) > ($ours | number) then ", NEWER than our \($ours)" else "" end')
printf '%s\n' "$report"
! grep NEWER <<<"$report" >/dev/null
