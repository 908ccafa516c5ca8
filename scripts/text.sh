#!/usr/bin/env bash
# Checks that no committed file has paths of a machine, addresses of registries, or build output.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1-} in
    '') ;;
    -h | --help)
        cat <<'END'
Usage: scripts/text.sh

Checks the files that git has, and those that it would add, for paths of a machine, addresses of registries and mirrors,
build output, and files of more than a mebibyte.
END
        exit
        ;;
    *)
        printf '%s: unknown argument %s; see --help\n' "$0" "$1" >&2
        exit 2
        ;;
esac

failed=0
# Prints what is wrong, if anything is: a heading, then the lines.
report() {
    [[ -n $2 ]] || return 0
    printf '%s:\n%s\n' "$1" "$2"
    failed=1
}

files=() locks=() others=() output=() large=()
mapfile -d '' -t listed < <(git ls-files -z --cached --others --exclude-standard)
for file in "${listed[@]}"; do
    # A file that was deleted is listed until that is committed.
    [[ -f $file ]] || continue
    files+=("$file")
    case $file in
        Cargo.lock | */Cargo.lock) locks+=("$file") ;;
        *) others+=("$file") ;;
    esac
    case $file in
        target/* | */target/* | fuzz/artifacts/* | fuzz/corpus/* | fuzz/coverage/* | *.a | *.crate | *.d | *.dll | \
            *.dylib | *.exe | *.lib | *.log | *.o | *.orig | *.out.[0-9]* | *.pdb | *.profdata | *.profraw | *.rej | \
            *.rlib | *.rmeta | *.so | *.wasm) output+=("$file") ;;
        *) [[ $(head -c 4 "$file" | tr -d '\0') != $'\x7fELF' ]] || output+=("$file") ;;
    esac
    (($(wc -c <"$file") <= 1048576)) || large+=("$file")
done
((${#locks[@]} > 0 && ${#others[@]} > 0)) || { printf 'git names no files of the project\n' >&2; exit 1; }

report 'Paths of a machine' "$(grep -nHIE \
    '(^|[^[:alnum:]_.~-])/(home|root|tmp|work|workspace|mnt|Users|var/(tmp|folders))/[[:alnum:]_.]|[A-Z]:[\\]+Users[\\]' \
    -- "${files[@]}" || true)"
report 'Addresses of registries and mirrors' "$(grep -nHIE \
    '(registry|sparse)\+[a-z]+:|(index|static)\.crates\.io|replace-with *=|^ *\[(source|registries)[].]' \
    -- "${others[@]}" || true)"
report 'Sources other than crates.io' "$(grep -nH '^source = ' -- "${locks[@]}" |
    grep -vE '"registry\+https://github\.com/rust-lang/crates\.io-index"$' || true)"
report 'Build output' "$(printf '%s\n' "${output[@]}")"
report 'Committed, though .gitignore excludes it' "$(git ls-files --cached --ignored --exclude-standard)"
report 'Larger than a mebibyte' "$(printf '%s\n' "${large[@]}")"

((failed)) || printf '%d files: no machine paths, registry addresses or build output\n' "${#files[@]}"
exit "$failed"
