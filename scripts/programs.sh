# To be sourced: which programs cargo has built.

# Prints name and path of each program of the kinds $1 (as in `test\|lib`) in what `cargo --message-format=json` prints.
programs() {
    sed -n 's/.*"kind":\["\('"$1"'\)"\].*"name":"\([^"]*\)".*"executable":"\([^"]*\)".*/\2 \3/p'
}
