#!/usr/bin/env bash
# Which lines and branches of src/ the tests and the fuzzing corpus reach, and which they do not.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

# They run for minutes where each branch is counted, and reach what the others reach.
readonly LEFT_OUT=(--skip=one_grammar:: --skip=linear::)
# Of these files every line has to be reached, but for the lines in UNREACHABLE.
readonly WHOLE='src/(parse|encode|decode)\.rs|src/(decode|encode)/'
readonly UNREACHABLE=(
    # In builds without `alloc` and `simd` only.
    "src/decode.rs: break 'found self.read_cut_line(whole, &mut at, items);"
    'src/decode/block.rs: Value::Input { .. } if SMALL => {}'
    'src/decode/block.rs: return self.store_id(block, value, end, is_whole, input);'
    'src/decode/block.rs: self.store.push_line(value);'
    'src/parse.rs: LF | CR => Self::Blank,'
    # On processors without vector instructions only.
    'src/encode/lines.rs: return false;'
    # In no state in which it is asked.
    'src/parse.rs: _ => &[],'
    # A line end has a byte.
    'src/encode/lines.rs: [] => end,'
)

usage() {
    cat <<END
Usage: scripts/coverage.sh [--all] [--no-corpus]

Runs the tests with all features, and the fuzz targets on fuzz/corpus.tar.gz, built so that they count what they reach. Prints
lines and branches of each file of src/ that were reached, then the lines that were not, in the parser, the decoder and the
encoder. Exits with 1 if this script does not list one of these, and with 2 if it could not run. Takes minutes.

  --all        prints the lines and branches that were not reached in all files
  --no-corpus  only the tests

Needs jq, and a nightly toolchain with llvm-tools (rustup component add llvm-tools --toolchain nightly) or Debian's llvm.
END
}

fail() {
    printf 'coverage.sh: %s\n' "$1" >&2
    exit 2
}

# Builds what the options of cargo say, and prints kind, name and path of each program.
programs() {
    cargo +nightly "$@" --quiet --locked --message-format=json |
        jq -r 'select(.executable) | "\(.target.kind[0]) \(.target.name) \(.executable)"'
}

all='' corpus=yes
for argument; do
    case $argument in
        --all) all=yes ;;
        --no-corpus) corpus='' ;;
        -h | --help) usage && exit ;;
        *) fail "unknown argument $argument; see --help" ;;
    esac
done

sysroot=$(rustc +nightly --print sysroot 2>/dev/null) || fail 'needs a nightly toolchain'
tools=$(echo "$sysroot"/lib/rustlib/*/bin)
if [[ -x $tools/llvm-cov ]]; then
    profdata=$tools/llvm-profdata cov=$tools/llvm-cov
else
    cov=$(compgen -c llvm-cov | sort -V | tail -n 1) || fail 'needs llvm-tools; see --help'
    profdata=${cov/cov/profdata}
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/raw"
export RUSTFLAGS='-Cinstrument-coverage -Zcoverage-options=branch' SSE_WIRE_TOKENS=1
export CARGO_PROFILE_DEV_DEBUG=none CARGO_PROFILE_TEST_DEBUG=none
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/coverage
# Programs of the build write profiles, too; nobody wants them.
export LLVM_PROFILE_FILE=$folder/build-%p.profraw

printf 'building\n'
programs test --all-features --lib --tests --no-run >"$folder/programs" || fail 'the tests do not build'
# The tests start these.
programs build --all-features --examples >>"$folder/programs" || fail 'the examples do not build'
if [[ -n $corpus ]]; then
    scripts/fuzz.sh --unpack
    # Without what would guide a fuzzer: the inputs are only run.
    RUSTFLAGS+=' --cfg fuzzing' programs build --release --manifest-path fuzz/Cargo.toml --bins >>"$folder/programs" ||
        fail 'the fuzz targets do not build'
fi

objects=()
while read -r kind name program; do
    objects+=(-object "$program")
    export LLVM_PROFILE_FILE=$folder/raw/%p-%m.profraw
    printf '%s %s\n' "$kind" "$name"
    case $kind in
        example) continue ;;
        bin) find "fuzz/corpus/$name" -type f -print0 | xargs -0 -n 500 "$program" ;;
        *) "$program" --quiet "${LEFT_OUT[@]}" </dev/null ;;
    esac >"$folder/log" 2>&1 || { cut -c1-300 "$folder/log" | tail -n 40; fail "$name fails"; }
done <"$folder/programs"

"$profdata" merge -sparse "$folder"/raw/*.profraw -o "$folder/profile" || fail 'the profiles cannot be merged'
"$cov" export "${objects[@]}" -instr-profile="$folder/profile" --format=lcov --sources "$PWD/src" \
    >"$folder/lcov" 2>"$folder/log" || { tail "$folder/log"; fail 'the profiles cannot be read'; }

printf '\n%-26s %17s %17s\n' '' lines branches
awk -v root="$PWD/" '
    function row(name, l, h, b, t) {
        printf "%-26s %5d/%5d %5.1f%% %5d/%5d %5.1f%%\n", name, h, l, l + 0 ? 100 * h / l : 100, t, b, b + 0 ? 100 * t / b : 100
    }
    /^SF:/ { file = substr($0, 4); sub(root, "", file) }
    /^LF:/ { lines = substr($0, 4) }
    /^LH:/ { hit = substr($0, 4) }
    /^BRF:/ { branches = substr($0, 5) }
    /^BRH:/ { taken = substr($0, 5) }
    /^end_of_record/ {
        row(file, lines, hit, branches, taken)
        l += lines; h += hit; b += branches; t += taken
        lines = hit = branches = taken = 0
    }
    END { row("all", l, h, b, t) }' "$folder/lcov"

# The places that were not reached: file, number, and what stands there.
awk -v root="$PWD/" -v all="$all" '
    /^SF:/ { path = substr($0, 4); file = path; sub(root, "", file); n = 0; while ((getline text < path) > 0) source[file, ++n] = text }
    function show(kind, number, text) { text = source[file, number]; sub(/^ +/, "", text); print kind, file ":" number ": " text }
    /^DA:/ { split(substr($0, 4), part, ","); if (part[2] == 0) show("line", part[1]) }
    all && /^BRDA:/ { split(substr($0, 6), part, ","); if (part[4] == "0" || part[4] == "-") show("branch", part[1]) }
    ' "$folder/lcov" >"$folder/missed"
if [[ -n $all ]]; then
    printf '\nnot reached:\n'
    cat "$folder/missed"
fi

# By what stands there, since numbers move. That the known ones are found shows that the search works.
sed -nE "\\#^line ($WHOLE)#{s/^line //; s/:[0-9]*: /: /; p}" "$folder/missed" | sort -u >"$folder/whole"
if ! diff <(printf '%s\n' "${UNREACHABLE[@]}" | sort) "$folder/whole" >"$folder/difference"; then
    printf '\nFAILED: in the parser, the decoder and the encoder\n'
    sed -n 's/^</is listed as unreachable, and was reached:/p; s/^>/was not reached:/p' "$folder/difference"
    exit 1
fi
printf '\nevery line of the parser, the decoder and the encoder is reached, but for %d\n' "${#UNREACHABLE[@]}"
