#!/bin/bash
# What a newcomer does, on a machine that has nothing yet: README's own commands in a fresh minimal root of each
# release, then the modules in the distribution's servers, and all of it removed again. Then packages: built, and
# installed from a signed repository, upgraded, removed and purged, beside the distribution's servers.
#   tests/fresh.sh [RELEASE[/USER[/COMMAND]]]…
# RELEASE is bookworm or trixie, USER root or user (who has sudo), COMMAND demo, test or deb. Without a USER it is
# both, without a COMMAND demo and test. Without anything it is all of it.
# The roots lie under FRESH_DIR (target/fresh) and are removed; downloads stay there for the next time.
# With FRESH_SHARE=1 a release's second user is given the dependencies that the first one's commands compiled, and
# nothing is optimised: it takes half the time, and the tests outside of these roots try what is. Packages are built
# on this machine then, where it has that release, and only once.
# Ends with 77 where the machine does not permit roots, mounts and namespaces of one's own.
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
    echo "fresh: $*" >&2
    exit 1
}

not_permitted() {
    echo "fresh: NOT RUN: this machine does not permit it: $*" >&2
    exit 77
}

# It takes root, for chroot and namespaces. git does not mind then that the clone is another user's.
[ "$(id -u)" = 0 ] || [ -t 0 ] || sudo -n true 2> /dev/null || not_permitted "root, or sudo without a password"
[ "$(id -u)" = 0 ] || exec sudo --preserve-env=FRESH_DIR,FRESH_SHARE "$0" "$@"
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
tests/setup.sh fresh
[ -z "$(git status --porcelain --untracked-files=no)" ] || echo "fresh: what is not committed is not tested"

[ $# != 0 ] || set -- bookworm trixie bookworm/root/deb trixie/user/deb
work=${FRESH_DIR:-target/fresh}
mkdir -p "$work"
work=$(cd "$work" && pwd)
# Roots that a killed run left behind.
rm -rf "$work"/root-* "$work"/target-*
root=
trap '[ -z "$root" ] || rm -rf --one-file-system "$root"; rm -rf "$work"/*.tar "$work"/target-*' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A container without privileges may forbid what roots of one's own take. All of it is tried here. A failure for
# another reason than permission is found again, and reported, where it matters.
try_permissions() {
    unshare --net --mount --propagation private --pid --fork --kill-child sh -ec '
        cd "$1"
        ip link set lo up
        mkdir proc shm pts cache
        mount -t proc proc proc
        mount -t tmpfs -o mode=1777 shm shm
        mount -t devpts -o newinstance,ptmxmode=0666 pts pts
        mount --bind shm cache
        mknod null c 1 3
        : > null
        exec chroot / true' sh "$1"
}
probe=$(mktemp -d "$work/root-XXXXXX")
said=$(LC_ALL=C try_permissions "$probe" 2>&1) || case $said in
    *[Pp]'ermission denied'* | *'not permitted'*) rm -rf "$probe"; not_permitted "$said" ;;
esac
rm -rf "$probe"

# The mirrors of this machine, where it is a Debian, else Debian's own.
mirror_of() {
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 2> /dev/null | sed -n "s/^$1 //p" | head -n 1 || true
}
main=$(mirror_of Debian)
security=$(mirror_of Debian-Security)
: "${main:=http://deb.debian.org/debian}" "${security:=http://deb.debian.org/debian-security}"

make_base() {
    [ ! -e "$work/$1.tar" ] || return 0
    # A machine that one clones a repository on.
    mmdebstrap --quiet --variant=minbase --include=git,make,sudo "$1" "$work/$1.tar" \
        "deb $main $1 main" "deb $main $1-updates main" "deb $security $1-security main"
}

# The root reaches the network as this machine does, and trusts whom it trusts.
connect() {
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    apt-config dump | grep -iE '^Acquire::[a-z]*::Proxy' > "$root/etc/apt/apt.conf.d/90proxy" || true
    if compgen -G '/usr/local/share/ca-certificates/*.crt' > /dev/null; then
        mkdir -p "$root/usr/local/share/ca-certificates"
        cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
    fi
    local config=${CARGO_HOME:-$HOME/.cargo}/config.toml
    [ ! -e "$config" ] || install -D -m 644 "$config" "$root$home/.cargo/config.toml"
    environment=("HOME=$home" "USER=$user" TERM=dumb "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    [ "${FRESH_SHARE:-}" != 1 ] || environment+=(CARGO_PROFILE_RELEASE_OPT_LEVEL=0)
    local name
    for name in http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY \
        SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS; do
        [ -z "${!name:-}" ] || environment+=("$name=${!name}")
    done
    if command -v npm > /dev/null; then
        environment+=("npm_config_registry=$(npm config get registry)")
    fi
}

# Runs a script of tests/fresh in the root, as root. It has mounts and processes of its own, which end with it.
# inside NETWORK SCRIPT ARGUMENT…: NETWORK is `shared` or `own`.
inside() {
    local own=()
    [ "$1" = shared ] || own=(--net)
    unshare "${own[@]}" --mount --propagation private --pid --fork --kill-child bash -c '
        set -e
        root=$1 cache=$2 release=$3 home=$4
        shift 4
        [ "$1" = shared ] || ip link set lo up
        mount -t proc proc "$root/proc"
        mkdir -p "$root/dev/shm" "$root/dev/pts"
        mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
        mount -t devpts -o newinstance,ptmxmode=0666 pts "$root/dev/pts"
        for pair in "apt-$release:var/cache/apt/archives" "cargo:$home/.cargo/registry" "npm:$home/.npm"; do
            mkdir -p "$cache/${pair%%:*}" "$root/${pair#*:}"
            mount --bind "$cache/${pair%%:*}" "$root/${pair#*:}"
        done
        shift
        exec chroot "$root" env -i "$@"' inside "$root" "$work" "$release" "$home" "$1" \
        "${environment[@]}" bash "/tmp/fresh/$2" "${@:3}"
}

# Two revisions, built on this machine, where the root expects its own.
packages_of_here() {
    local revision
    for revision in 1 2; do
        REVISION=$revision CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_TARGET_DIR=$work/target-here make deb
        mkdir -p "$root/tmp/fresh/packages/$revision"
        cp "$work"/target-here/deb/*.deb "$work"/target-here/deb/*.changes "$work"/target-here/deb/*.buildinfo \
            "$root/tmp/fresh/packages/$revision/"
    done
    rm -rf "$work/target-here"
}

for what; do
    IFS=/ read -r release users commands <<< "$what"
    case $release in
        bookworm | trixie) ;;
        *) die "no release $release: bookworm or trixie" ;;
    esac
    make_base "$release"
    for user in ${users:-root user}; do
        echo "fresh: $release as $user"
        began=$SECONDS
        home=/root
        [ "$user" = root ] || home=/home/$user
        root=$(mktemp -d "$work/root-XXXXXX")
        chmod 755 "$root"
        tar -C "$root" -xf "$work/$release.tar"
        connect
        # A root that is thrown away need not survive a power cut.
        echo force-unsafe-io > "$root/etc/dpkg/dpkg.cfg.d/fresh"
        git clone --quiet --no-hardlinks . "$root$home/clone"
        cp -r tests/fresh "$root/tmp/"
        if [ -e "$work/target-$release" ]; then
            mv "$work/target-$release" "$root$home/clone/target"
        fi
        if [ "$commands" = deb ]; then
            if [ "${FRESH_SHARE:-}" = 1 ] && grep -qxF "VERSION_CODENAME=$release" /etc/os-release; then
                packages_of_here
            fi
            inside shared packager.sh "$user" || die "$what failed as $user"
            inside own admin.sh "$user" || die "$what failed as $user, with the distribution's servers"
        else
            inside shared newcomer.sh "$user" "${commands:-demo test}" || die "$what failed as $user"
            inside own operator.sh "$user" || die "$what failed as $user, with the distribution's servers"
        fi
        echo "fresh: $release as $user passed in $((SECONDS - began)) s, $(du -sm "$root" | cut -f 1) MB"
        if [ "${FRESH_SHARE:-}" = 1 ] && [ "$commands" != deb ]; then
            rm -rf "$work/target-$release" "$root$home/clone/target/h264-tests"
            mv "$root$home/clone/target" "$work/target-$release"
        fi
        rm -rf --one-file-system "$root"
        root=
    done
done
echo "fresh: all of it passed in $SECONDS s"
