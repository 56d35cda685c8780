#!/bin/sh
# Looks at the machine, as configure scripts do.
. ci/say.sh
PACE=0.06
for what in 'a shell' 'printf' 'a sleep that knows fractions' 'awk' 'the meaning of life'; do
    say "checking for $what... yes"
done
say 'writing config.status'
