#!/bin/sh
# Prints the version of the sources, the time of their last change in seconds since 1970, and their commit.
# A release is a commit with the tag vVERSION. Those before it are 3.0.0~git… with the time of the commit, those after
# it 3.0.0+git….
set -eu
cd "$(dirname "$0")/.."
# What `make dist` packed says it itself.
if [ -e .packaging/version ]; then
    exec cat .packaging/version
fi
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
git rev-parse --verify --quiet HEAD > /dev/null || {
    echo "version: neither a clone nor what make dist packed; git says: $(git rev-parse HEAD 2>&1 | head -n 1)" >&2
    exit 1
}
tag=$(git describe --tags --match "v$version" 2> /dev/null || true)
time=$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y%m%d%H%M%S)
case $tag in
    "v$version") ;;
    '') version=$version~git$time ;;
    *) version=$version+git$time ;;
esac
echo "$version $(git log -1 --format='%ct %H')"
