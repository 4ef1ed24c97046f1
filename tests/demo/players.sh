#!/bin/sh
# Puts the scripts of hls.js and dash.js into DIR, from the npm registry, and with `test` that of
# axe-core, which judges a page; says nothing and takes no time where they are there. They are kept only if the package's bytes are those that are named
# here. Ends with 1 where a script could not be had.
#   tests/demo/players.sh DIR [test]
set -u
dir=$1
scratch=

# fetch PACKAGE VERSION SHA512 SCRIPT-IN-IT NAME
fetch() {
    [ -e "$dir/$5-$2" ] && return
    echo "setup: fetching $1 $2"
    package=$scratch/$1-$2.tgz
    if command -v npm > /dev/null; then
        (cd "$scratch" && npm pack --silent --fetch-retries=1 "$1@$2" > /dev/null)
    else
        curl -fsSL --connect-timeout 10 --max-time 120 -o "$package" "https://registry.npmjs.org/$1/-/$1-$2.tgz"
    fi || return 1
    if ! echo "$3  $package" | sha512sum --check --status; then
        echo "setup: $1 $2 from the npm registry is not what it was: not used" >&2
        return 1
    fi
    tar -xzf "$package" -C "$scratch" "package/$4" &&
        mv "$scratch/package/$4" "$dir/$5" &&
        : > "$dir/$5-$2"
}

mkdir -p "$dir"
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
status=0
fetch hls.js 1.7.4 \
    dc697119d3ef4f6607bd060eb7ec8ecd3fc3122a2bfea255348ca51c0efb9207a805375042a8bbd06c1e7cd11498741e346ca30bc53adbe6ebbaa5bf4e99beb6 \
    dist/hls.min.js hls.js || status=1
fetch dashjs 5.2.1 \
    6b170998b78909324c2d47d0444ad4241d4a3a253988717e0cc2c173714a7a8c751cf62d1944250ba5e6e4c9babe10544770871cb20f3aac3424322a32d3fe0f \
    dist/legacy/umd/dash.all.min.js dash.js || status=1
if [ "${2-}" = test ]; then
    fetch axe-core 4.14.1 \
        1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5 \
        axe.min.js axe.js || status=1
fi
exit $status
