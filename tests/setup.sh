#!/bin/sh
# Installs what `make build`, `test`, `demo`, `bench`, `deb` and others lack on Debian and its kin;
# says nothing and takes no time when nothing is missing.
#   tests/setup.sh build|deb|demo|test|conformance|screens|sanitize|bench|instructions|fuzz|docker|fresh
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
goal=$1
packages=
wished=

die() {
    echo "setup: $*" >&2
    exit 1
}

# need PATH-OR-COMMAND PACKAGE…
need() {
    found=$1
    shift
    case $found in
        /*) [ -e "$found" ] ;;
        *) command -v "$found" > /dev/null ;;
    esac || packages="$packages $*"
}

# Whether version $1 is at least $2.
at_least() {
    [ "$(printf '%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# nginx's module can be built where its development files are: without them everything else is.
wish_nginx() {
    [ -z "${NGINX_SRC:-}" ] && ! [ -e /usr/share/nginx/src/conf_flags ] || return 0
    wished=nginx-dev
}

needs_build() {
    need cc gcc libc6-dev
    need apxs apache2-dev
    need apr-1-config libapr1-dev
    set -- /usr/lib/llvm-*/lib/libclang.so
    need "$1" libclang-dev
    need lighttpd lighttpd
    need dpkg-source dpkg-dev
    wish_nginx
    need /etc/ssl/certs/ca-certificates.crt ca-certificates
}

needs_servers() {
    needs_build
    # The server without the service that listens on port 80.
    need apache2 apache2-bin
    need /etc/mime.types media-types
    need ffmpeg ffmpeg
    need /usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf fonts-dejavu-core
    need curl curl
}

needs_test() {
    needs_servers
    need /usr/lib/lighttpd/mod_openssl.so lighttpd-mod-openssl
    need /usr/lib/lighttpd/mod_deflate.so lighttpd-mod-deflate
    need openssl openssl
    need chromium chromium
    need chromedriver chromium-driver
    # Where Apache is set up as a service, these would change it: their tests do without then.
    if ! [ -e /etc/apache2/apache2.conf ]; then
        set -- /usr/lib/apache2/modules/libphp*.so
        need "$1" libapache2-mod-php
        need /usr/lib/apache2/modules/mod_xsendfile.so libapache2-mod-xsendfile
    fi
    # A peer, to try the tests' own tools on, and caches in front.
    need nginx nginx
    need varnishd varnish
    # The languages of the examples in docs/limits.md.
    need php php-cli
    need python3 python3
    need node nodejs
}

case $goal in
    build) needs_build ;;
    deb)
        needs_build
        need /usr/share/build-essential build-essential
        need dh debhelper
        need git git
        # One of the packages needs it.
        wished=
        need /usr/share/nginx/src/conf_flags nginx-dev
        ;;
    demo) needs_servers ;;
    test) needs_test ;;
    conformance)
        needs_test
        need npm npm
        need gst-launch-1.0 gstreamer1.0-tools
        set -- /usr/lib/*/gstreamer-1.0/libgstisomp4.so
        need "$1" gstreamer1.0-plugins-good
        ;;
    screens)
        needs_test
        need npm npm
        need firefox-esr firefox-esr
        need WebKitWebDriver webkit2gtk-driver
        need Xvfb xvfb
        need pulseaudio pulseaudio
        need gst-launch-1.0 gstreamer1.0-tools
        set -- /usr/lib/*/gstreamer-1.0/libgstlibav.so
        need "$1" gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav
        need mpv mpv
        need vlc vlc-bin vlc-plugin-base
        ;;
    sanitize)
        needs_test
        need valgrind valgrind
        ;;
    bench)
        needs_servers
        need nginx nginx
        need ip iproute2
        need openssl openssl
        need /usr/lib/lighttpd/mod_openssl.so lighttpd-mod-openssl
        need strace strace
        ;;
    instructions)
        need cc gcc libc6-dev
        need valgrind valgrind
        ;;
    fuzz)
        need cc gcc libc6-dev
        need c++ g++
        ;;
    docker)
        need dockerd docker.io
        need docker-compose docker-compose
        need iptables iptables
        need ip iproute2
        need mmdebstrap mmdebstrap
        ;;
    fresh)
        need mmdebstrap mmdebstrap
        need git git
        need ip iproute2
        ;;
    *) die "unknown goal $goal" ;;
esac

# Rust, first of all: packages are of no use where it cannot be had. The distribution's own is installed
# where there is none; one that is there and too old is its owner's to replace.
msrv=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
rust=
if [ "$goal" = docker ] || [ "$goal" = fresh ]; then
    :
elif ! command -v cargo > /dev/null; then
    rust=install
elif version=$(cargo --version 2> /dev/null | cut -d ' ' -f 2) && ! at_least "${version:-0}" "$msrv"; then
    rust=replace
elif [ "$goal" = test ] || [ "$goal" = conformance ]; then
    cargo fmt --version > /dev/null 2>&1 || rust=tools
    cargo clippy --version > /dev/null 2>&1 || rust=tools
fi

candidate() {
    LC_ALL=C apt-cache policy "$1" 2> /dev/null | sed -n 's/^ *Candidate: \([0-9.]*\).*/\1/p'
}

# The distribution's packages of a Rust that is new enough. bookworm keeps a current one in packages of their own,
# for its browsers. Before the first `apt-get update` only the release's name says which.
rust_packages() {
    web=
    if ! at_least "$(candidate rustc)" "$msrv"; then
        at_least "$(candidate rustc-web)" "$msrv" || grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release && web=-web
    fi
    echo "cargo$web rustc$web rustfmt$web rust$web-clippy"
}

# Whether the distribution is known not to have a package: a line that names it would install nothing.
is_missing_here() {
    set -- "$1" /var/lib/apt/lists/*_Packages*
    [ -z "$1" ] || { [ -e "$2" ] && [ -z "$(candidate "$1")" ]; }
}

# All that is missing, in one line that can be pasted.
by_hand() {
    all=$packages
    [ -z "$rust" ] || all="$all $(rust_packages)"
    is_missing_here "$wished" || all="$all $wished"
    [ -z "$all" ] || echo "apt-get update && apt-get install -y --no-install-recommends$all"
}

if [ "$rust" = replace ]; then
    first=$(command -v cargo)
    old="$first is cargo ${version:-of no version}, older than $msrv"
    # Another that is new enough may stand later in PATH.
    IFS=:
    for dir in $PATH; do
        [ -x "$dir/cargo" ] || continue
        other=$("$dir/cargo" --version 2> /dev/null | cut -d ' ' -f 2)
        ! at_least "${other:-0}" "$msrv" ||
            die "$old, and first in PATH; $dir/cargo is $other: run PATH=$dir:\$PATH make $goal"
    done
    unset IFS
    if command -v rustup > /dev/null; then
        rust=
        line=$(by_hand)
        die "$old: run rustup default stable && rustup update stable${line:+, and as root: $line}"
    fi
    case $first in
        /usr/bin/*) ;;
        *) old="$old: remove it from PATH" ;;
    esac
    command -v apt-get > /dev/null || die "$old, and install a newer Rust (https://rustup.rs)"
    die "$old; as root, run: $(by_hand)"
elif [ "$rust" = tools ] && command -v rustup > /dev/null; then
    rustup component add rustfmt clippy
    rust=
fi

# mp4box.js, the second reader of films, and mediabunny, which makes some, are in no distribution.
npm_packages() {
    [ "$goal" = conformance ] || return 0
    into=${CARGO_TARGET_DIR:-target}/h264-tests/npm
    grep -qs '"version": "2.4.1"' "$into/node_modules/mp4box/package.json" &&
        grep -qs '"version": "1.61.0"' "$into/node_modules/mediabunny/package.json" && return
    echo 'setup: installing mp4box.js and mediabunny'
    mkdir -p "$into"
    npm install --silent --no-save --no-audit --no-fund --prefix "$into" mp4box@2.4.1 mediabunny@1.61.0
}

# Players of HLS and DASH in a page.
player_packages() {
    [ "$goal" = screens ] || return 0
    into=${CARGO_TARGET_DIR:-target}/h264-tests/players
    grep -qs '"version": "1.7.4"' "$into/node_modules/hls.js/package.json" &&
        grep -qs '"version": "5.2.1"' "$into/node_modules/dashjs/package.json" &&
        grep -qs '"version": "5.2.12"' "$into/node_modules/shaka-player/package.json" &&
        grep -qs '"version": "8.24.1"' "$into/node_modules/video.js/package.json" && return
    echo 'setup: installing hls.js, dash.js, Shaka Player and video.js'
    mkdir -p "$into"
    npm install --silent --no-save --no-audit --no-fund --ignore-scripts --prefix "$into" \
        hls.js@1.7.4 dashjs@5.2.1 shaka-player@5.2.12 video.js@8.24.1
}

# Players of the demo page, which does without them where the registry cannot be reached.
demo_players() {
    case $goal in
        demo) tests/demo/players.sh "${CARGO_TARGET_DIR:-target}/h264-tests/demo-players" ||
            echo 'setup: without hls.js or dash.js the demo page plays MP4 only, and HLS in browsers that can' >&2 ;;
        conformance | screens)
            tests/demo/players.sh "${CARGO_TARGET_DIR:-target}/h264-tests/demo-players" test ||
                die 'hls.js, dash.js and axe-core cannot be had from the npm registry' ;;
    esac
}

# Firefox's driver is in no distribution.
driver() {
    [ "$goal" = screens ] || return 0
    into=${CARGO_TARGET_DIR:-target}/h264-tests/geckodriver
    grep -qs '"geckodriver 0.37.1 ' "$into/.crates.toml" && return
    echo 'setup: compiling geckodriver'
    # Compiling it takes longer than it ever runs.
    cargo install --quiet --locked --debug --root "$into" geckodriver@0.37.1
}

the_rest() {
    npm_packages
    player_packages
    demo_players
    driver
}

# What cannot be had is tried once.
unavailable=${CARGO_TARGET_DIR:-target}/h264-tests/unavailable
if [ -n "$wished" ] && grep -qsx "$wished" "$unavailable"; then
    echo "setup: without $wished, nginx's module is neither built nor tested (to try again: rm $unavailable)"
    wished=
fi

if [ -z "$packages$rust$wished" ]; then
    the_rest
    exit
fi

give_up_wish() {
    mkdir -p "${unavailable%/*}"
    echo "$wished" >> "$unavailable"
    echo "setup: $wished cannot be had: nginx's module is neither built nor tested"
    the_rest
    exit
}

[ -n "$packages$rust" ] || command -v apt-get > /dev/null || give_up_wish
[ -n "$packages$rust" ] || [ "$(id -u)" = 0 ] || command -v sudo > /dev/null || give_up_wish
command -v apt-get > /dev/null ||
    die "missing: what Debian packages as$packages${rust:+, and Rust $msrv or newer (https://rustup.rs)}"

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

export DEBIAN_FRONTEND=noninteractive
[ "$(id -u)" = 0 ] || command -v sudo > /dev/null || die "as root, run: $(by_hand)"
if ! as_root apt-get update -qq; then
    [ -n "$packages$rust" ] || give_up_wish
    die "that failed; as root, run: $(by_hand)"
fi
if [ -n "$rust" ]; then
    # shellcheck disable=SC2046 # a list of packages
    set -- $(rust_packages)
    at_least "$(candidate "$2")" "$msrv" ||
        die "this distribution has no Rust $msrv or newer: install it from https://rustup.rs"
    packages="$packages $*"
    rust=
fi

echo "setup: installing$packages${wished:+ $wished}"
# A package that brings a service must not start it here, nor at the next boot.
services=
for package in $packages $wished; do
    case $package in
        lighttpd | nginx | varnish) services="$services $package" ;;
        # An nginx that is there already may be somebody's service.
        nginx-dev) command -v nginx > /dev/null || services="$services nginx" ;;
        docker.io) services="$services docker.service docker.socket" ;;
    esac
done
policy=/usr/sbin/policy-rc.d
if [ -n "$services" ] && ! [ -e $policy ]; then
    trap 'as_root rm -f $policy' EXIT
    trap 'exit 1' INT TERM
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy > /dev/null
    as_root chmod 755 $policy
fi
install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" > /dev/null
}
# shellcheck disable=SC2086 # a list of packages
[ -z "$packages" ] || install $packages || die "that failed; as root, run: $(by_hand)"
has_wish=yes
[ -z "$wished" ] || install "$wished" || has_wish=
if [ -n "$services" ] && command -v systemctl > /dev/null; then
    # shellcheck disable=SC2086
    as_root systemctl disable --quiet $services || true
fi
[ -n "$has_wish" ] || give_up_wish
the_rest
