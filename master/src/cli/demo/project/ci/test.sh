#!/bin/sh
# Runs each tests/NAME.sh and compares what it prints with tests/NAME.expected.
. ci/say.sh
PACE=${PACE:-0.2}
passed=0 failed=0
for test in "${1:-tests}"/*.sh; do
    name=$(basename "$test" .sh)
    got=$(sh "$test" 2>&1)
    wanted=$(cat "${test%.sh}.expected")
    if [ "$got" = "$wanted" ]; then
        passed=$((passed + 1))
        say "test $name ... ok"
    else
        failed=$((failed + 1))
        say "test $name ... FAILED"
        printf '%s\n' "$wanted" | sed 's/^/    expected: /'
        printf '%s\n' "$got" | sed 's/^/         got: /'
        printf 'error: %s: the output differs\n' "$test"
    fi
done
say ''
say "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
