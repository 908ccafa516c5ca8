#!/usr/bin/env bash
# Counts the instructions per event, and compares them with the table in the repository, or with the parent commit.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

# The features that benches/instructions/Cargo.toml always enables, and the sets that are added to them.
ALWAYS=$(sed -n '/^sse-wire = /s/.*features = \[\(.*\)\].*/\1/p' benches/instructions/Cargo.toml | tr -d '" ')
readonly ALWAYS ADDED=('' simd)

readonly TABLE=benches/instructions/baseline.txt
# In percent.
readonly TOLERANCE=3
# What goes into the program that is counted, and the table.
readonly SOURCES=(.cargo Cargo.lock Cargo.toml benches/instructions benches/shapes rust-toolchain rust-toolchain.toml src)

usage() {
    cat <<END
Usage: scripts/instructions.sh [--update | --print]

Counts with callgrind how many instructions an event costs, for each shape of benches/shapes and each way through the
library, and compares that with $TABLE. A row may change by $TOLERANCE percent in either direction.

The table is valid for one rustc, valgrind, C library and processor. On any other machine the script counts the parent commit
too, and compares with that. Then only growth fails, unless the commit also changes the table. For a work tree that differs
from HEAD, the parent is HEAD.

  --update  writes the table
  --print   prints what --update would write

Exits with 1 where a row has changed, with 2 if it could not count, and with 69 if there is no valgrind.
END
}

fail() {
    printf 'instructions.sh: %s\n' "$1" >&2
    exit 2
}

# Prints the head of the table: what the counts depend on, beside the code. $1 is the processor.
environment() {
    printf 'rustc:     %s\n' "$(rustc --version)"
    printf 'valgrind:  %s\n' "$("$valgrind" --version)"
    printf 'libc:      %s\n' "$(getconf GNU_LIBC_VERSION 2>/dev/null || printf 'unknown')"
    printf 'processor: %s\n' "$1"
}

# Builds the program with the features that $1 adds, runs it, and leaves what it printed and a dump for each row in folder $2.
count() {
    local added=$1 directory=$2 program
    # Not with what this machine has configured: it would be counted, too.
    program=$(
        unset "${!CARGO_PROFILE_RELEASE_@}"
        export CARGO_ENCODED_RUSTFLAGS='' CARGO_INCREMENTAL=0
        cargo build --locked --release -p sse-wire-instructions --features "$added" --message-format=json |
            sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1
    ) || fail 'the program to be counted does not build'
    mkdir "$directory"
    cp "$program" "$directory/program"
    # Every return from `measured` ends a dump: dump.1 is the first row, dump.2 the second, and so on. The name of the
    # program and the environment lie on the stack: their lengths would move what the program puts there.
    (
        cd "$directory"
        env -i "$valgrind" --quiet --tool=callgrind --callgrind-out-file=dump \
            --toggle-collect=sse_wire_instructions::measured --dump-after=sse_wire_instructions::measured \
            ./program >output 2>errors
    ) || {
        cat "$directory/errors" >&2
        fail 'the work to be counted failed'
    }
}

# Prints the rows that were counted into folder $2 with the features $1.
rows() {
    local features=$1 directory=$2 way shape chunks events total dump=0
    while read -r way shape chunks events; do
        dump=$((dump + 1))
        total=$(sed -n 's/^totals: //p' "$directory/dump.$dump") || total=
        # A number and no less: zero is what comes out where the function was not found.
        [[ $total =~ ^[1-9][0-9]*$ ]] || fail "nothing was counted for $way $shape $chunks"
        awk -v total="$total" -v row="$features $way $shape $chunks $events" 'BEGIN {
            split(row, name, " ")
            printf "%-23s  %-21s  %-13s  %-9s  %6d  %11.2f\n", name[1], name[2], name[3], name[4], name[5], total / name[5]
        }'
    done < <(sed -n 's/^counted //p' "$directory/output")
    ((dump > 0)) || fail 'the program named nothing to be counted'
}

# Prints the table.
table() {
    local added directory rows='' set=0
    for added in "${ADDED[@]}"; do
        set=$((set + 1))
        directory=$folder/set$set
        count "$added" "$directory"
        rows+=$(rows "$ALWAYS${added:+,$added}" "$directory")$'\n'
    done
    printf 'Instructions per event: counted, compared and written by scripts/instructions.sh.\n\n'
    environment "$(sed -n 's/^cpu //p' "$folder/set1/output")"
    printf '\n%-23s  %-21s  %-13s  %-9s  %6s  %11s\n' features way shape chunks events 'per event'
    printf '%s' "$rows"
}

# Prints what the table in file $1 was made with.
made_with() {
    sed -n '/^[a-z]*: /p' "$1"
}

# Prints what the rows of the table in file $1 are of.
names() {
    awk 'NF == 6 && $6 ~ /^[0-9]+\.[0-9]+$/ { print $1, $2, $3, $4 }' "$1" | sort
}

# Prints each row of the tables in the files $1 and $2, and by how much they differ. Exits with 1 if a row has grown too much
# or, where $3 is `table` and not `parent`, if one has shrunk too much, is missing, or is new.
compare() {
    awk -v tolerance="$TOLERANCE" -v against="$3" '
        NF != 6 || $6 !~ /^[0-9]+\.[0-9]+$/ { next }
        {
            row = sprintf("%-23s  %-21s  %-13s  %-9s", $1, $2, $3, $4)
            if (!(row in rows)) names[++count] = row
            rows[row]
        }
        FILENAME == ARGV[1] { before[row] = $6 }
        FILENAME == ARGV[2] { now[row] = $6 }
        END {
            printf "%-23s  %-21s  %-13s  %-9s  %11s  %11s  %9s\n",
                "features", "way", "shape", "chunks", against, "now", "change"
            for (number = 1; number <= count; number++) {
                row = names[number]
                if (!(row in before)) {
                    printf "%s  %11s  %11.2f  %9s", row, "-", now[row], ""
                    verdict = "NEW"
                } else if (!(row in now)) {
                    printf "%s  %11.2f  %11s  %9s", row, before[row], "-", ""
                    verdict = "GONE"
                } else {
                    change = (now[row] / before[row] - 1) * 100
                    printf "%s  %11.2f  %11.2f  %+8.2f%%", row, before[row], now[row], change
                    verdict = change > tolerance ? "GROWN" : change < -tolerance ? "SHRUNK" : ""
                    compared++
                }
                # In small letters: worth knowing, and no failure.
                if (against == "parent" && verdict != "GROWN") verdict = tolower(verdict)
                failures += verdict ~ /[A-Z]/
                printf "%s\n", verdict == "" ? "" : "  <- " verdict
            }
            printf "%d rows, %d compared, %d %s\n", count, compared, failures, against == "table" ? "failures" : "grown"
            exit failures > 0 || count == 0
        }' "$1" "$2"
}

check_against_table() {
    compare "$TABLE" "$folder/now" table || {
        printf 'FAILED: where a change is meant, scripts/instructions.sh --update writes the table, to be committed with it\n'
        exit 1
    }
}

check_against_parent() {
    local base=HEAD difference
    # This check does not depend on the machine.
    if ! difference=$(diff <(names "$TABLE") <(names "$folder/now")); then
        printf 'FAILED: the table has rows (<) that are no longer counted, or lacks some (>) that are:\n%s\n' "$difference"
        exit 1
    fi
    if ! git rev-parse --quiet --verify HEAD >/dev/null 2>&1; then
        printf 'NOTHING TO COMPARE WITH: git knows no commit here\n'
        return
    fi
    [[ -n $(git status --porcelain -- "${SOURCES[@]}") ]] || base=HEAD^
    if ! git rev-parse --quiet --verify "$base" >/dev/null; then
        if [[ $(git rev-parse --is-shallow-repository) == true ]]; then
            printf 'NOTHING TO COMPARE WITH: the parent of HEAD is not in this shallow clone; a depth of 2 is enough\n'
        else
            printf 'NOTHING TO COMPARE WITH: HEAD has no parent\n'
        fi
        return
    fi
    if [[ -z $(git ls-tree "$base" scripts/instructions.sh) || -z $(git ls-tree "$base" benches/instructions) ]]; then
        printf 'NOTHING TO COMPARE WITH: %s does not count instructions yet\n' "$base"
        return
    fi

    # By its own script, and in a target folder of its own: cargo would tell the two trees apart by the times of their files.
    mkdir "$folder/parent"
    git archive "$base" | tar -x -C "$folder/parent"
    CARGO_TARGET_DIR=$folder/parent/target "$folder/parent/scripts/instructions.sh" --print >"$folder/before" ||
        fail "what $base costs could not be counted"

    printf 'Compared with %s, counted here:\n\n' "$base"
    compare "$folder/before" "$folder/now" parent && return
    if [[ -z $(git ls-tree "$base" "$TABLE") ]] || ! git diff --quiet "$base" -- "$TABLE"; then
        printf 'passed: the table has changed, too\n'
        return
    fi
    printf 'FAILED: where growth is meant, %s must change with it; scripts/instructions.sh --update writes it\n' "$TABLE"
    exit 1
}

action=check
case ${1-} in
    '') ;;
    --update | --print) action=${1#--} ;;
    -h | --help)
        usage
        exit
        ;;
    *) fail "unknown argument $1; see --help" ;;
esac
(($# < 2)) || fail "unknown argument $2; see --help"

valgrind=$(command -v valgrind) || {
    printf 'instructions.sh: valgrind is not installed\n' >&2
    exit 69
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

table >"$folder/now"
case $action in
    print) cat "$folder/now" ;;
    update)
        cp "$folder/now" "$TABLE"
        printf 'wrote %s\n' "$TABLE"
        ;;
    check)
        [[ -f $TABLE ]] || fail "there is no $TABLE; --update writes it"
        if difference=$(diff <(made_with "$TABLE") <(made_with "$folder/now")); then
            check_against_table
        else
            printf 'The table was made elsewhere (<) than this is counted (>):\n%s\n\n' "$difference"
            check_against_parent
        fi
        ;;
esac
