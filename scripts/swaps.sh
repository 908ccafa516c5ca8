#!/usr/bin/env bash
# Published crates that use another parser, with sse-wire in its place: their tests about streaming, and ours.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

readonly CRATES=(rmcp async-openai)
# What they used, which they must not depend on any more.
declare -rA REPLACED=([rmcp]=sse-stream [async-openai]=eventsource-stream)
# As little as the tests need. None has TLS, which takes longer to build than the rest.
declare -rA FEATURES=(
    [rmcp]=auth,client,elicitation,macros,reqwest,server,transport-streamable-http-client-reqwest,transport-streamable-http-client-unix-socket,transport-streamable-http-server
    [async-openai]=chat-completion,middleware
)
# Which unit tests, by parts of their names, and which programs of tests. The last program is ours.
declare -rA UNITS=([rmcp]='transport::streamable_http transport::common' [async-openai]=stream)
declare -rA PROGRAMS=(
    [rmcp]='test_streamable_http_* test_sse_concurrent_streams test_sep_2260_stream_* test_subscriptions_streamable_http
        test_unix_socket_response_limits test_unix_socket_transport rmcp_resume'
    [async-openai]=openai_stream
)
# Allows a call 20 ms: on a busy machine it fails with any parser.
readonly SKIPPED=test_subsequent_tool_calls_reuse_connections

usage() {
    cat <<'END'
Usage: scripts/swaps.sh [--newest] [--minutes N] [CRATE...]

For each crate, or for rmcp and async-openai: takes the published sources from the registry that cargo uses, applies
tests/swaps/CRATE.edits in a temporary folder, and runs the crate's tests about streaming, and ours. Unit tests have N minutes
(40 unless given), and so have the other tests. Prints how many lines of the crate's code and of its tests were removed and
added, and how many tests passed. Below, the same for the examples of src/guide/coming_from.md. Exits with 1 if a test failed
or the edits do not match the sources, and with 2 if it could not run. Needs jq.

  --newest  takes the newest version, and not the one for which the edits were written
END
}

fail() {
    printf 'swaps.sh: %s\n' "$*" >&2
    exit 1
}

# Copies the sources of version $2 of crate $1 to $folder/$1, and prints the version.
unpack() {
    local found
    mkdir -p "$folder/fetch-$1/src"
    : >"$folder/fetch-$1/src/lib.rs"
    printf '[package]\nname = "fetch"\nedition = "2021"\n[dependencies]\n%s = { version = "%s", default-features = false }\n' \
        "$1" "$2" >"$folder/fetch-$1/Cargo.toml"
    found=$(timeout 600 cargo metadata --manifest-path "$folder/fetch-$1/Cargo.toml" --format-version 1 |
        jq -r --arg name "$1" '.packages[] | select(.name == $name) | "\(.version)\t\(.manifest_path)"') ||
        { printf 'swaps.sh: %s %s cannot be fetched\n' "$1" "$2" >&2 && exit 2; }
    cp -r "$(dirname "${found#*$'\t'}")" "$folder/$1"
    # Newer dependencies are what its users have, and a mirror may lack the locked ones.
    rm -f "$folder/$1/Cargo.lock"
    printf '%s\n' "${found%%$'\t'*}"
}

# Runs `cargo test` with the arguments $2... in crate $1; adds to $folder/$1.log.
cargo_test() {
    local crate=$1 status=0
    shift
    (cd "$folder/$crate" && timeout --kill-after=10 "$((minutes * 60))" cargo test --no-fail-fast --no-default-features \
        --features "${FEATURES[$crate]}" "$@") 2>&1 | tee -a "$folder/$crate.log" || status=$?
    ((status != 124 && status != 137)) || printf 'swaps.sh: %s: not done within %d minutes\n' "$crate" "$minutes" >&2
    return "$status"
}

# Puts sse-wire into crate $1, and runs the tests. Adds a row to the table.
swap() {
    local crate=$1 written version lines tree result=ok program programs=()
    written=$(sed -n "s/^# $crate \([0-9.]*\)$/\1/p" "tests/swaps/$crate.edits")
    printf '\n=== %s %s\n' "$crate" "${newest:-$written}"
    version=$(unpack "$crate" "${newest:-=$written}")
    lines=$(awk -v root="$folder/$crate" -f tests/swaps/apply.awk "tests/swaps/$crate.edits") ||
        fail "the edits were written for $crate $written, and do not match $version"
    sed -i "s,@SSE_WIRE@,$PWD," "$folder/$crate/Cargo.toml"
    # The last word.
    program=${PROGRAMS[$crate]##* }
    cp "tests/swaps/$program.rs" "$folder/$crate/tests/"
    tree=$(cd "$folder/$crate" && cargo tree --all-features --target all --edges all --prefix none --format '{p}')
    grep -qF "($PWD)" <<<"$tree" || fail "$crate does not depend on this sse-wire"
    ! grep -q "^${REPLACED[$crate]} " <<<"$tree" || fail "$crate still depends on ${REPLACED[$crate]}"
    set -f # The patterns are cargo's.
    for program in ${PROGRAMS[$crate]}; do programs+=(--test "$program"); done
    set +f
    : >"$folder/$crate.log"
    # shellcheck disable=SC2086 # words
    cargo_test "$crate" --lib -- ${UNITS[$crate]} || result=FAILED
    cargo_test "$crate" "${programs[@]}" -- --skip "$SKIPPED" || result=FAILED
    rows+=$(awk -v crate="$crate" -v version="$version" -v lines="$lines" -v result="$result" '
        /^test result:/ { passed += $4; failed += $6; ignored += $8 }
        END {
            split(lines, line, " ")
            printf "%-20s %-8s -%-5d +%-5d -%-5d +%-5d %6d %6d %7d  %s", crate, version,
                line[1], line[2], line[3], line[4], passed, failed, ignored, result
            exit passed == 0
        }' "$folder/$crate.log")$'\n' || fail "no test of $crate ran"
    [[ $result == ok ]] || failed=1
}

# For each section of the guide, how many lines of code its first block has, and its second: shown, and not blank.
guide() {
    awk '
        /^# / && !inside { section = substr($0, 3); block = 0 }
        /^```/ { inside = !inside; if (inside) block++; next }
        inside && !/^# / && !/^#$/ && !/^$/ { count[section, block]++ }
        inside && block == 2 && !seen[section]++ { order[++sections] = section }
        END {
            for (i = 1; i <= sections; i++)
                printf "%-29s -%-5d +%-5d\n", order[i], count[order[i], 1], count[order[i], 2]
            exit sections != 4
        }' src/guide/coming_from.md || fail 'src/guide/coming_from.md has not four sections of two blocks'
}

newest='' minutes=40 failed=0 rows=''
while (($# > 0)); do
    case $1 in
        -h | --help) usage && exit ;;
        --newest) newest='*' ;;
        --minutes)
            minutes=${2-} && shift
            [[ $minutes =~ ^[1-9][0-9]*$ ]] || { printf "swaps.sh: '%s' is not a number of minutes\n" "$minutes" >&2 && exit 2; }
            ;;
        -*) printf 'swaps.sh: unknown option %s; see --help\n' "$1" >&2 && exit 2 ;;
        *) break ;;
    esac
    shift
done
for crate; do
    [[ -n $crate && -n ${REPLACED[$crate]-} ]] || { printf 'swaps.sh: there is no swap of %s; see --help\n' "$crate" >&2 && exit 2; }
done
command -v jq >/dev/null || { printf 'swaps.sh: jq is missing\n' >&2 && exit 2; }
(($# > 0)) || set -- "${CRATES[@]}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Shared by the crates, and kept for the next run. Nobody debugs these builds.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/swaps}
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0 CARGO_INCREMENTAL=0
# Where our tests find the recorded streams.
export SSE_WIRE=$PWD
for crate; do
    swap "$crate"
done
printf '\n%-29s %-13s %-13s %s\n' '' 'code' 'its tests' 'tests run'
printf '%-20s %-8s %-6s %-6s %-6s %-6s %6s %6s %7s  %s\n' crate version lines '' lines '' passed failed ignored result
printf '%s' "$rows"
printf '\nthe guide: an example before and after\n'
guide
exit "$failed"
