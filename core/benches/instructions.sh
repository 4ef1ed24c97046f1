#!/bin/sh
# Counts the instructions of planning and generating, and fails where there are a tenth more than
# instructions.txt says. With UPDATE=1 it writes down those that there are.
set -eu
cd "$(dirname "$0")"
program=$(${CARGO:-cargo} bench --locked -p mp4seek --bench instructions --no-run 2>&1 |
    tee -a /dev/stderr | sed -n 's/.*Executable.*(\(.*\))$/\1/p')
case $program in
    /*) ;;
    *) program=../../$program ;;
esac
[ -x "$program" ] && [ -f "$program" ] || exit 1
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
failed=0
while read -r what allowed; do
    # Only what is called by the function of that name is counted.
    counted=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        --toggle-collect="instructions::counted_$what" "$program" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p')
    echo "$what $counted" >> "$counts"
    echo "$what: $counted instructions, $allowed written down"
    [ "${counted:-0}" -gt 0 ] && [ "$counted" -le $((allowed + allowed / 10)) ] || failed=1
done < instructions.txt
if [ "${UPDATE:-}" = 1 ]; then
    cp "$counts" instructions.txt
elif [ $failed = 1 ]; then
    echo "instructions: more than before; if that is worth it, run this with UPDATE=1" >&2
    exit 1
fi
