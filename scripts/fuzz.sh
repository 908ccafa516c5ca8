#!/usr/bin/env bash
# Runs the fuzz targets, each for a given time, and prints what they did.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

readonly RUNS=fuzz/RUNS.csv ARCHIVE=fuzz/corpus.tar.gz CORPUS=fuzz/corpus
# In seconds: the longest that one input may take.
readonly TIMEOUT=30
# In bytes: a repository keeps every version of the archive.
readonly MOST=$((2 << 20))

usage() {
    cat <<END
Usage: scripts/fuzz.sh [--address] [--record] [SECONDS] [TARGET...]
       scripts/fuzz.sh --input FILE TARGET
       scripts/fuzz.sh --unpack | --pack

Runs each TARGET, or all, for SECONDS (20 unless given). It starts from the test vectors, from $ARCHIVE, and
from what earlier runs left in $CORPUS. A failing input is saved in fuzz/artifacts. Exits with 0 if nothing was found, with 1
if something was, and with 2 if it could not run. Needs a C++ compiler, for libFuzzer.

  --address  with AddressSanitizer, which watches the unsafe code of dependencies; needs a nightly toolchain
  --record   adds a line to $RUNS for each target: date, commit, target, sanitizer, seconds of processor time,
             executions, findings
  --input    runs TARGET on one input, and prints what it finds
  --unpack   only adds the inputs of $ARCHIVE to $CORPUS
  --pack     replaces the archive by as few inputs of $CORPUS as reach all the code that any of them reaches
END
}

fail() {
    printf 'fuzz.sh: %s\n' "$1" >&2
    exit 2
}

unpack() {
    mkdir -p "$CORPUS"
    tar -xzf "$ARCHIVE" -C "$CORPUS" --skip-old-files || fail "$ARCHIVE cannot be unpacked"
}

# Builds the targets into $programs, as cargo-fuzz would: instrumented for libFuzzer, and with the checks of debug builds.
build() {
    command -v c++ >/dev/null || fail 'needs a C++ compiler'
    local flags='--cfg fuzzing -Cdebug-assertions -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-simplifycfg-branch-fold-threshold=0' option
    for option in level=4 inline-8bit-counters pc-table trace-compares stack-depth; do
        flags+=" -Cllvm-args=-sanitizer-coverage-$option"
    done
    # With a target, so that build scripts and macros are not instrumented.
    host=$(rustc -vV | sed -n 's/^host: //p')
    cargo=(cargo)
    [[ $sanitizer == none ]] || flags+=" -Zsanitizer=$sanitizer" cargo=(cargo +nightly)
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/fuzz/target}/$sanitizer
    programs=$CARGO_TARGET_DIR/$host/release
    RUSTFLAGS=$flags "${cargo[@]}" build --locked --release --manifest-path fuzz/Cargo.toml --target "$host" --bins "$@" ||
        fail 'the targets do not build'
}

# Replaces the archive by a selection of what is in the corpus.
pack() {
    local target folder packed size
    build
    folder=$(mktemp -d)
    trap "rm -rf '$folder'" EXIT
    printf '%-12s %8s %10s\n' target inputs bytes
    for target in "${all[@]}"; do
        mkdir -p "$folder/$target" "$CORPUS/$target"
        # How often a place is reached does not matter: it would make eight times as many.
        "$programs/$target" "$folder/$target" "$CORPUS/$target" -merge=1 -use_counters=0 >"$folder/log" 2>&1 ||
            { tail -n 20 "$folder/log"; fail "$target: the inputs could not be merged"; }
        printf '%-12s %8d %10d\n' "$target" "$(find "$folder/$target" -type f | wc -l)" \
            "$(find "$folder/$target" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }')"
    done
    packed=$folder/packed.tar.gz
    # The same inputs are the same archive.
    (cd "$folder" && tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w -c "${all[@]}") |
        gzip -9n >"$packed"
    size=$(wc -c <"$packed")
    printf 'packed: %d bytes\n' "$size"
    ((size <= MOST)) || { printf 'FAILED: more than %d bytes\n' "$MOST"; exit 1; }
    tar -tzf "$packed" >/dev/null
    cp "$packed" "$ARCHIVE"
}

# Processor time of finished child processes (second line of `times`), from $logs/before to $logs/after.
processor_seconds() {
    awk -F '[ms ]+' 'FNR == 2 { spent = $1 * 60 + $2 + $3 * 60 + $4 - spent } END { printf "%d", spent }' \
        "$logs/before" "$logs/after"
}

# Runs target $1 for $seconds, and sets `result` and `executions`.
fuzz() {
    local target=$1 log=$logs/$1
    mkdir -p "$CORPUS/$target" "fuzz/artifacts/$target"
    result=ok
    times >"$logs/before"
    RUST_BACKTRACE=0 "$programs/$target" "$CORPUS/$target" "fuzz/seeds/$target" -artifact_prefix="fuzz/artifacts/$target/" \
        -max_total_time="$seconds" -timeout="$TIMEOUT" -dict=fuzz/sse.dict -print_final_stats=1 -handle_int=0 >"$log" 2>&1 || result=FOUND
    times >"$logs/after"
    executions=$(awk '/^stat::number_of_executed_units:/ { print $2 }' "$log")
    executions=${executions:-0}
    if [[ $result == ok && $executions == 0 ]]; then
        result='DID NOT RUN'
    elif [[ $result == FOUND ]] && ! grep -q 'Test unit written to' "$log"; then
        result='DID NOT FINISH'
    fi
    # What was asserted, and the input as the target understood it.
    [[ $result == ok ]] || grep -vE '^(#[0-9]+|INFO:|NOTE:|MS:|WARNING: Failed|stat::|0x|\\|Base64:)' "$log" | tail -n 100 || true
}

seconds=20 record='' action=run input=''
# There is no unsafe code here to watch, and panics are found as well without, in half the time.
sanitizer=none
while (($# > 0)); do
    case $1 in
        -h | --help) usage && exit ;;
        --address) sanitizer=address ;;
        --record) record=yes ;;
        --input)
            input=${2-} && shift
            [[ -f $input ]] || fail "there is no file '$input'"
            ;;
        --pack | --unpack) action=${1#--} ;;
        -*) fail "unknown option $1; see --help" ;;
        *) break ;;
    esac
    shift
done
if [[ ${1-} == [0-9]* ]]; then
    seconds=$1
    shift
fi
# To libFuzzer 0 means for ever.
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "'$seconds' is not a number of seconds"
all=(fuzz/fuzz_targets/*.rs)
all=("${all[@]##*/}") all=("${all[@]%.rs}")
for target; do
    [[ $target != -* ]] || fail "$target: options come first; see --help"
    [[ " ${all[*]} " == *" $target "* ]] || fail "no target '$target'; there are: ${all[*]}"
done
if [[ -n $input ]]; then
    (($# == 1)) || fail 'which target? see --help'
    build --bin="$1"
    status=0
    "$programs/$1" "$input" -timeout="$TIMEOUT" || status=1
    exit "$status"
fi
unpack
case $action in
    unpack) exit ;;
    pack)
        pack
        exit
        ;;
esac
commit=$(git describe --always --exclude '*' 2>/dev/null) || commit=unknown
# The list of runs grows by being recorded: that changes nothing of what is run.
git diff --quiet HEAD -- . ":!$RUNS" ':!tests/NIGHTLY.csv' 2>/dev/null || commit+=-dirty
cargo run --quiet --locked --manifest-path fuzz/Cargo.toml --example seeds || fail 'the seeds could not be made'
build "${@/#/--bin=}"

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
summary=$(printf '%-12s %14s %10s  %s' target executions per-second result)
status=0
(($# > 0)) || set -- "${all[@]}"
for target; do
    printf '\n%s: %s seconds\n' "$target" "$seconds"
    fuzz "$target"
    [[ $result == ok ]] || status=1
    if [[ -n $record && $executions != 0 ]]; then
        printf '%s,%s,%s,%s,%d,%d,%d\n' "$(date -u +%F)" "$commit" "$target" "$sanitizer" "$(processor_seconds)" "$executions" \
            "$([[ $result == FOUND ]] && echo 1 || echo 0)" >>"$RUNS"
    fi
    summary+=$(printf '\n%-12s %14s %10s  %s' "$target" "$executions" "$((executions / seconds))" "$result")
done
printf '\n%s\n' "$summary"
exit "$status"
