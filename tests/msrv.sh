#!/bin/sh
# make msrv: compiles everything with the oldest Rust that Cargo.toml allows, where there is one: the compiler
# in use, rustup's, or Debian's, which is unpacked under target and not installed.
set -eu
cd "$(dirname "$0")/.."
msrv=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
here=${CARGO_TARGET_DIR:-target}/msrv
mkdir -p "$here"
here=$(cd "$here" && pwd)

is_it() {
    case $("$@" --version 2> /dev/null) in
        "rustc $msrv."*) ;;
        *) false ;;
    esac
}

# bookworm has it as rustc-web, trixie as rustc.
unpack() {
    found=$(apt-cache madison rustc rustc-web | sed -n "s/^ *\(rustc[a-z-]*\) *| *\($msrv\.[^ ]*\) .*/\1 \2/p" | head -n 1)
    [ -n "$found" ] || return
    version=${found#* }
    web=${found% *}
    web=${web#rustc}
    std=libstd-rust$web-$msrv
    llvm=$(apt-cache show "$std=$version" | sed -n 's/^Depends:.*\(libllvm[0-9]*\).*/\1/p')
    echo "msrv: unpacking Debian's rustc $version, once"
    rm -rf "$here/debs" "$here/root"
    mkdir "$here/debs" "$here/root"
    (cd "$here/debs" && apt-get download -qq -o APT::Sandbox::User=root \
        "rustc$web=$version" "libstd-rust$web-dev=$version" "$std=$version" "$llvm") || return
    for deb in "$here/debs"/*.deb; do
        dpkg-deb -x "$deb" "$here/root" || return
    done
    rm -r "$here/debs"
    libraries=$(find "$here/root/usr/lib" -name 'lib*.so*' -exec dirname {} + | sort -u | tr '\n' ':')
    printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$libraries" "$here/root/usr/bin/rustc" > "$here/rustc"
    chmod +x "$here/rustc"
}

if is_it rustc; then
    RUSTC=rustc
elif is_it rustup run "$msrv" rustc; then
    RUSTC=$(rustup which --toolchain "$msrv" rustc)
elif is_it "$here/rustc" || { unpack && is_it "$here/rustc"; }; then
    RUSTC=$here/rustc
else
    echo "msrv: there is no Rust $msrv here: it was NOT checked"
    exit
fi
export RUSTC
# A warning of an older Rust is one that its users see: it fails as the lints of the current one do.
RUSTFLAGS='-D warnings' cargo check --quiet --workspace --all-targets --locked --target-dir "$here"
echo "msrv: $("$RUSTC" --version) compiles it"
