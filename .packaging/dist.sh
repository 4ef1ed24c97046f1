#!/bin/sh
# make dist: the sources of the commit that is checked out, in target/dist. The same commit gives the same bytes.
set -eu
cd "$(dirname "$0")/.."
[ ! -e .packaging/version ] || { echo "dist: this is no clone, but what make dist packed" >&2; exit 1; }
about=$(.packaging/version.sh)
[ -z "$(git status --porcelain --untracked-files=no)" ] || echo "dist: what is not committed is left out" >&2
name=mod_h264_streaming-${about%% *}
out=${CARGO_TARGET_DIR:-target}/dist
mkdir -p "$out"
rm -f "$out"/*.tar "$out"/*.tar.xz
# Settings of the user's git change what it packs.
GIT_CONFIG_GLOBAL=/dev/null git -c core.autocrlf=false -c tar.umask=0022 archive --format=tar --prefix="$name/" \
    --add-virtual-file="$name/.packaging/version:$about" --output="$out/$name.tar" HEAD
xz -T1 -9e "$out/$name.tar"
ls "$out/$name.tar.xz"
