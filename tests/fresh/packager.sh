#!/bin/bash
# In a fresh root: packages are built, twice, and judged; what the next script installs without a network is fetched.
#   packager.sh USER
# Packages that are in /tmp/fresh/packages are not built.
. "$(dirname "$0")/common.sh"
packages=/tmp/fresh/packages
add_user

# `make deb` of a revision, in a folder, and its packages kept.
build() {
    (clone=$2 && step "$1") || exit 1
    mkdir -p "$3"
    cp "$2"/target/deb/*.deb "$2"/target/deb/*.changes "$2"/target/deb/*.buildinfo "$3/"
}

if ! [ -e $packages ]; then
    read -r command < <(commands_of Build docs/packages.md)
    build "$command" "$clone" $packages/1
    build "REVISION=2 $command" "$clone" $packages/2

    # The same again, from what `make dist` packs, elsewhere and in other circumstances.
    read -r command < <(commands_of Sources docs/packages.md)
    step "$command"
    elsewhere=/var/tmp/some/other-place
    mkdir -p "$elsewhere"
    tar -C "$elsewhere" -xf "$clone"/target/dist/*.tar.xz
    chown -R "$user:" "$elsewhere"
    tree=("$elsewhere"/*)
    rm -rf "$clone/target/deb/cargo"
    read -r command < <(commands_of Build docs/packages.md)
    build "umask 077; export TZ=Asia/Kathmandu LC_ALL=C.UTF-8; $command" "${tree[0]}" /tmp/again
    rm -r "$elsewhere"
    for package in "$packages"/1/*.deb; do
        cmp "$package" "/tmp/again/${package##*/}" || fail "${package##*/} has other bytes when it is built again"
    done
fi
built=("$packages"/1/*.deb)
[ ${#built[@]} = 8 ] || fail "${#built[@]} packages: ${built[*]}"

echo 'fresh: judging and fetching'
install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" > /tmp/apt.log 2>&1 || { cat /tmp/apt.log; fail "apt-get install $*"; }
}
apt-get update -qq
install --no-install-recommends lintian binutils ffmpeg curl apt-utils gnupg man-db bash-completion zsh fish procps
# Between releases the version has a time in it, which makes the name of a file long.
as_user lintian --fail-on error,warning,info,pedantic --suppress-tags package-has-long-file-name --info \
    "$packages"/1/*.changes || fail 'lintian finds faults'

# Each program is stripped, and its lines are in the package of its symbols.
for package in "$packages"/1/*-dbgsym_*.deb; do
    rm -rf /tmp/lines /tmp/program
    dpkg-deb -x "$package" /tmp/lines
    dpkg-deb -x "${package/-dbgsym/}" /tmp/program
    lines=(/tmp/lines/usr/lib/debug/.build-id/*/*.debug)
    program=(/tmp/program/usr/lib/*/*.so /tmp/program/usr/lib/*/*/*.so /tmp/program/usr/bin/*)
    [ "${#lines[@]} ${#program[@]}" = '1 1' ] || fail "$package: ${lines[*]}, ${program[*]}"
    readelf --sections --wide "${lines[0]}" 2> /dev/null | grep ' \.debug_line ' > /dev/null || fail "$package has no lines"
    ! readelf --sections --wide "${program[0]}" | grep ' \.\(debug_line\|symtab\) ' || fail "${program[0]} is not stripped"
    id=$(readelf --notes "${program[0]}" 2> /dev/null | sed -n 's/^ *Build ID: //p')
    case ${lines[0]} in
        */"${id:0:2}/${id:2}.debug") ;;
        *) fail "$package is of another program than ${program[0]}, $id" ;;
    esac
done

ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine -t 15 -g 50 -y /tmp/film.mp4
# All that the servers take with them is in apt's cache then.
install --download-only apache2 lighttpd nginx
mkdir -p /tmp/distribution
(cd /tmp/distribution && apt-get download -qq lighttpd nginx 2> /dev/null)
