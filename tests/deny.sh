#!/bin/sh
# make deny: licences, bans and sources of the dependencies always; advisories where
# their database can be reached. cargo-deny is built if it is not there.
set -eu
cd "$(dirname "$0")/.."
# The newest that builds with the oldest Rust we support.
version=0.18.3
cargo deny --version > /dev/null 2>&1 || {
    echo "deny: building cargo-deny $version, once"
    cargo install --quiet --locked --debug --no-default-features --target-dir target/cargo-deny "cargo-deny@$version"
}
cargo deny check licenses bans sources
if cargo deny fetch db > /dev/null 2>&1; then
    cargo deny check advisories
else
    echo "deny: the advisory database cannot be reached: advisories were NOT checked"
fi
