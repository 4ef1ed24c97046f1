#!/bin/sh
# Runs every fuzz target for so many seconds each: core/fuzz/run.sh [SECONDS] [TARGET…]
# Small films of H264_CORPUS join the seeds. What crashes a target is left in artifacts/: mend it and put
# the file in core/tests/hostile/crashes, where `cargo test` tries it for ever.
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
[ $# = 0 ] || shift
[ $# != 0 ] || set -- boxes film clip ranges request text

die() {
    echo "fuzz: $*" >&2
    exit 1
}

command -v rustup > /dev/null && cargo +nightly --version > /dev/null 2>&1 ||
    die "a nightly toolchain is needed: run \`rustup toolchain install nightly\`"
cargo +nightly fuzz --version > /dev/null 2>&1 ||
    die "cargo-fuzz is needed: run \`cargo install cargo-fuzz --locked\`"

films=$(mktemp -d)
trap 'rm -rf "$films"' EXIT
trap 'exit 1' INT TERM
if [ -n "${H264_CORPUS:-}" ]; then
    find "$H264_CORPUS" -type f -size -48k -exec cp {} "$films" \;
fi

failed=
for target; do
    mkdir -p "corpus/$target"
    case $target in
        request) seeds=seeds/request ;;
        *) seeds="seeds/film $films" ;;
    esac
    # shellcheck disable=SC2086 # two folders
    cargo +nightly fuzz run --fuzz-dir . "$target" "corpus/$target" $seeds -- \
        -max_total_time="$seconds" -max_len=49152 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 ||
        failed="$failed $target"
done
[ -z "$failed" ] || die "found something:$failed"
