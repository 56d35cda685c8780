#!/bin/sh
# Packs the sources.
. ci/say.sh
PACE=0.2
for source in src/*.sh docs/*.md; do
    say "adding $source"
done
tar -cf frobozz.tar src docs
say "frobozz.tar: $(wc -c < frobozz.tar) bytes"
