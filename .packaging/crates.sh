#!/bin/sh
# Writes which crates of others are in the programs of a package, and the notices that those ask to be kept.
#   crates.sh PACKAGE…    (of the workspace)
set -eu
cd "$(dirname "$0")/.."
registry=${CARGO_HOME:-$HOME/.cargo}/registry/src
for package; do
    shift
    set -- "$@" -p "$package"
done
echo 'The programs contain these crates. Where a crate may be had under the Apache License, version 2.0,'
echo 'its text is in /usr/share/common-licenses/Apache-2.0.'
"${CARGO:-cargo}" tree --locked --prefix none --format '{p}|{l}' --edges normal,no-proc-macro "$@" |
    sed -n 's/ (\*)$//; /(.*)|/d; s/^\([^ ]*\) v\([^|]*\)|/\1 \2 /p' | LC_ALL=C sort -u |
    while read -r name version licence; do
        printf '\n==== %s %s: %s\n' "$name" "$version" "$licence"
        found=
        # Another registry's copy is the same.
        crate=$(find "$registry" -mindepth 2 -maxdepth 2 -name "$name-$version" | head -n 1)
        for file in "${crate:?$name $version is not under $registry}"/*; do
            case $(basename "$file" | tr '[:upper:]' '[:lower:]') in
                *apache*) ;;
                licen[cs]e* | copying* | copyright* | notice*)
                    # The text of Apache's own licence, by whatever name.
                    ! grep -q 'TERMS AND CONDITIONS FOR USE, REPRODUCTION' "$file" || continue
                    found=yes
                    printf '\n'
                    sed 's/^/  /; s/[[:space:]]*$//' "$file"
                    ;;
            esac
        done
        [ -n "$found" ] || sed -n 's/^authors = /  Authors: /p' "$crate/Cargo.toml"
    done
