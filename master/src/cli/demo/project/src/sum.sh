# Adds up its arguments.
sum() {
    total=0
    for number in "$@"; do
        total=$((total + number))
    done
    printf '%d\n' "$total"
}
