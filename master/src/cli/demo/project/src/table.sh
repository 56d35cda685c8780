# Prints a row of the multiplication table.
table() {
    row=''
    for factor in 1 2 3 4 5 6 7 8 9; do
        row="$row $(($1 * factor))"
    done
    printf '%s\n' "${row# }"
}
