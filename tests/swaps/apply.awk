# Applies the edits of a file *.edits to the crate in the folder `root`. Prints, for each file, whether it is the crate's code or
# one of its tests, and how many lines were removed and added. Exits with 1 at the first anchor that is not there.
#
#   file PATH     the file that is edited next
#   at ANCHOR     the first line, after the edit before, that contains ANCHOR
#   to TEXT       puts TEXT in the place of ANCHOR in that line
#   -N ANCHOR     removes N lines from there; the last one contains ANCHOR, which may be missing if N is 1
#   +LINE         a line that comes in instead, or before the line of `at` if none was removed

function fail(message) {
    printf "%s, line %d: %s: %s\n", FILENAME, FNR, path, message >"/dev/stderr"
    failed = 1
    exit 1
}

function copy_to(end) {
    for (; next_line < end; next_line++) out[++outs] = lines[next_line]
}

function open_file(name,    line) {
    path = name
    count = outs = is_test = 0
    while ((getline line <(root "/" path)) > 0) lines[++count] = line
    close(root "/" path)
    if (count == 0) fail("no such file")
    next_line = 1
}

function close_file(    i) {
    if (path == "") return
    copy_to(count + 1)
    printf "" >(root "/" path)
    for (i = 1; i <= outs; i++) print out[i] >(root "/" path)
    close(root "/" path)
    path = ""
}

# Unit tests stand at the end of a file of code.
function kind() {
    if (path ~ /\.toml$/) return "manifest"
    return is_test || path ~ /^tests\// ? "tests" : "code"
}

function find(    i) {
    for (i = next_line; i <= count; i++) {
        if (lines[i] ~ /^#\[cfg\(test\)\]/) is_test = 1
        if (index(lines[i], anchor)) {
            copy_to(i)
            return
        }
    }
    fail("no line contains '" anchor "'")
}

/^#/ || /^$/ { next }
/^file / { close_file(); open_file(substr($0, 6)); next }
path == "" { fail("expected `file`") }
/^at / { anchor = substr($0, 4); find(); next }
/^to / {
    line = lines[next_line++]
    place = index(line, anchor)
    out[++outs] = substr(line, 1, place - 1) substr($0, 4) substr(line, place + length(anchor))
    removed[kind()]++
    added[kind()]++
    next
}
/^-[0-9]/ {
    number = substr($1, 2) + 0
    end = substr($0, length($1) + 2)
    last = next_line + number - 1
    if (last > count || !index(lines[last], end)) fail("line " number " from '" anchor "' does not contain '" end "'")
    next_line += number
    removed[kind()] += number
    next
}
/^\+/ { out[++outs] = substr($0, 2); added[kind()]++; next }
{ fail("neither `file`, `at`, `to`, `-` nor `+`: " $0) }

END {
    if (failed) exit 1
    close_file()
    printf "%d %d %d %d\n", removed["code"], added["code"], removed["tests"], added["tests"]
}
