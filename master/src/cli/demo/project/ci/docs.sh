#!/bin/sh
# Renders the pages and looks for links that lead nowhere.
. ci/say.sh
PACE=0.3
bad=0
for page in docs/*.md; do
    say "rendering $page ($(wc -w < "$page") words)"
    for link in $(grep -o '([a-z-]*\.md)' "$page" | tr -d '()'); do
        if [ ! -f "docs/$link" ]; then
            say "error: $page: link to $link, which does not exist"
            bad=1
        fi
    done
done
say 'checking links'
[ "$bad" -eq 0 ] && say 'all links lead somewhere'
exit "$bad"
