#!/usr/bin/env bash
# Which lines and branches of src/ the tests and the fuzzing corpus reach, and which they do not.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

# They run for minutes where each branch is counted. What they reach where every line has to be reached the others reach, too.
readonly LEFT_OUT='hostile|linear'
# The same, of the modules of the program `decode`.
readonly SKIPPED='one_grammar::'
# Files of which every line has to be reached, but for those in coverage-exceptions.txt.
readonly WHOLE='src/(parse|encode|decode)\.rs|src/decode/'
readonly EXCEPTIONS=scripts/coverage-exceptions.txt

usage() {
    cat <<END
Usage: scripts/coverage.sh [--all] [--no-corpus]

Runs the tests with all features, and the fuzz targets on fuzz/corpus.tar.gz, built so that they count what they reach. Prints
lines and branches of each file of src/ that were reached, then the lines that were not, in the parser, the decoder and the encoder.
Ends with 1 if one of these is not in $EXCEPTIONS, or something there was reached. Takes minutes.

  --all        prints the lines and branches that were not reached in all files
  --no-corpus  only the tests

Needs a nightly toolchain with llvm-tools (rustup component add llvm-tools --toolchain nightly), or else Debian's llvm.
END
}

fail() {
    printf 'coverage.sh: %s\n' "$1" >&2
    exit 2
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
    cov=$(compgen -c llvm-cov | sort -V | tail -n 1) && profdata=${cov/cov/profdata}
    command -v "$profdata" >/dev/null || fail 'needs llvm-tools; see --help'
fi

source scripts/programs.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/raw"
export RUSTFLAGS='-Cinstrument-coverage -Zcoverage-options=branch' SSE_WIRE_TOKENS=1
export CARGO_PROFILE_DEV_DEBUG=none CARGO_PROFILE_TEST_DEBUG=none
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/coverage
# Programs of the build write profiles, too; nobody wants them.
export LLVM_PROFILE_FILE=$folder/build-%p.profraw

printf 'building\n'
cargo +nightly build --quiet --locked --all-features --examples --message-format=json >"$folder/examples.json" ||
    fail 'the examples do not build'
cargo +nightly test --quiet --locked --all-features --lib --tests --no-run --message-format=json >"$folder/tests.json" ||
    fail 'the tests do not build'
mapfile -t tests < <(programs 'test\|lib' <"$folder/tests.json")
mapfile -t examples < <(programs example <"$folder/examples.json")
objects=()
for line in "${examples[@]}"; do
    objects+=(-object "${line#* }")
done

export LLVM_PROFILE_FILE=$folder/raw/%p-%m.profraw
for line in "${tests[@]}"; do
    read -r name program <<<"$line"
    [[ ! $name =~ ^($LEFT_OUT)$ ]] || continue
    printf 'test %s\n' "$name"
    objects+=(-object "$program")
    skip=()
    [[ $name != decode ]] || skip=(--skip="$SKIPPED")
    "$program" --quiet "${skip[@]}" >"$folder/log" 2>&1 </dev/null || {
        cut -c1-300 "$folder/log" | tail -n 40
        fail "$name fails"
    }
done
if [[ -n $corpus ]]; then
    scripts/corpus.sh unpack || fail 'the corpus could not be unpacked'
    # Without what would guide a fuzzer: the inputs are only run.
    RUSTFLAGS+=' --cfg fuzzing' LLVM_PROFILE_FILE=$folder/build-%p.profraw cargo +nightly build --quiet --locked --release \
        --manifest-path fuzz/Cargo.toml --bins --message-format=json >"$folder/fuzz.json" || fail 'the fuzz targets do not build'
    while read -r name program; do
        printf 'corpus of %s\n' "$name"
        objects+=(-object "$program")
        find "fuzz/corpus/$name" -type f -print0 | xargs -0 -n 500 "$program" >"$folder/log" 2>&1 || {
            tail -n 20 "$folder/log"
            fail "$name fails"
        }
    done < <(programs bin <"$folder/fuzz.json")
fi

"$profdata" merge -sparse "$folder"/raw/*.profraw -o "$folder/profile" || fail 'the profiles cannot be merged'
"$cov" export "${objects[@]}" -instr-profile="$folder/profile" --format=lcov --sources "$PWD/src" \
    >"$folder/lcov" 2>"$folder/log" || { tail "$folder/log"; fail 'the profiles cannot be read'; }

printf '\n%-26s %17s %17s\n' '' lines branches
awk -v root="$PWD/" '
    /^SF:/ { file = substr($0, 4); sub(root, "", file); files[++count] = file }
    /^LF:/ { lines[file] = substr($0, 4) }
    /^LH:/ { hit[file] = substr($0, 4) }
    /^BRF:/ { branches[file] = substr($0, 5) }
    /^BRH:/ { taken[file] = substr($0, 5) }
    function row(name, l, h, b, t) {
        printf "%-26s %5d/%5d %4.1f%% %5d/%5d %4.1f%%\n", name, h, l, l + 0 ? 100 * h / l : 100, t, b, b + 0 ? 100 * t / b : 100
    }
    END {
        for (i = 1; i <= count; i++) {
            f = files[i]
            row(f, lines[f], hit[f], branches[f], taken[f])
            l += lines[f]; h += hit[f]; b += branches[f]; t += taken[f]
        }
        row("all", l, h, b, t)
    }' "$folder/lcov"

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

printf '\nnot reached in the parser, the decoder and the encoder:\n'
grep -E "^line ($WHOLE)" "$folder/missed" | sed 's/^line //' >"$folder/whole" || true
cat "$folder/whole"
# By what stands there, since numbers move.
sed 's/:[0-9]*: /: /' "$folder/whole" | sort >"$folder/found"
grep -vE '^(#|$)' "$EXCEPTIONS" | sort >"$folder/known"
if ! diff "$folder/known" "$folder/found" >"$folder/difference"; then
    printf '\nFAILED: this differs from %s:\n' "$EXCEPTIONS"
    grep '^[<>]' "$folder/difference" | sed 's/^</was reached:/; s/^>/not explained:/'
    exit 1
fi
printf 'all of these are explained in %s\n' "$EXCEPTIONS"
