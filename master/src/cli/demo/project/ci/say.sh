# Shared by the scripts beside it: a line of output now and then, as real tools print them.
say() {
    printf '%s\n' "$*"
    sleep "${PACE:-0.15}"
}
