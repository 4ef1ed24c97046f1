#!/bin/sh
# Runs a step of the Makefile. Where it fails, the last line says what to do.
#   tests/step.sh build|demo|format|lints|tests|films COMMAND…
step=$1
shift
echo "$*"
"$@" && exit
status=$?
# One that Ctrl-C or another signal ended did not fail.
[ $status -le 128 ] || exit $status
case $step in
    build)
        advice='the first line above that begins with "error" says what is missing. If a download failed, run this again; tests/setup.sh build installs what the build needs'
        ;;
    demo) advice='mend what the line above says and run make demo again; "Is it on?" in docs/operations.md has more' ;;
    format) advice='run cargo fmt --all, and this again' ;;
    lints) advice='mend what clippy says above, and run this again' ;;
    tests)
        advice='under "failures:" above stands each test that failed and what its server said; cargo test -p tests NAME runs one again'
        ;;
    films)
        advice='target/conformance.txt says which films failed and why; FILMS=NAME make conformance judges one again'
        ;;
esac
echo "$step: FAILED: $advice" >&2
exit $status
