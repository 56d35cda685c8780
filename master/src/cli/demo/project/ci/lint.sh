#!/bin/sh
# Complains about blanks at line ends (an error) and long lines (a warning).
. ci/say.sh
PACE=0.12
bad=0
for file in src/*.sh tests/*.sh docs/*.md; do
    say "lint $file"
    grep -n ' $' "$file" | sed "s|^\([0-9]*\):.*|error: $file:\1: blanks at the end of the line|" > lint.out
    if [ -s lint.out ]; then
        cat lint.out
        bad=1
    fi
    awk -v file="$file" 'length > 100 { printf "warning: %s:%d: more than 100 characters\n", file, NR }' "$file"
done
[ "$bad" -eq 0 ] && say 'no complaints'
exit "$bad"
