#!/bin/sh
# "Compiles" every source: checks its syntax with the shell itself.
. ci/say.sh
PACE=0.25
bad=0
for source in src/*.sh; do
    say "  CC    $source"
    sh -n "$source" || bad=1
done
[ "$bad" -eq 0 ] || exit 1
say "  LINK  frobozz"
cat src/*.sh > frobozz.out
say "frobozz.out: $(wc -c < frobozz.out) bytes"
