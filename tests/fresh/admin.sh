#!/bin/bash
# In a root with a network of its own, where packages are in /tmp/fresh/packages: they go through an administrator's
# hands, from a signed repository to being purged, and all servers give clips.
#   admin.sh USER
. "$(dirname "$0")/common.sh"
packages=/tmp/fresh/packages
page=docs/packages.md
export DEBIAN_FRONTEND=noninteractive
cd /root

# Runs commands as root, one by one, and says which. What they print is in /tmp/out.
run() {
    local command
    while read -r command; do
        echo "fresh: # $command"
        eval "$command" > /tmp/out 2>&1 < /dev/null || { tail -n 100 /tmp/out; fail "$command"; }
    done
}

# The commands of a heading of the page, literally but for the address, which is a folder here.
documented() {
    sed 's|https://apt.example.org|file:///srv/apt|' <<< "$(commands_of "$1" $page)"
}

# publish REVISION: its packages are put into the repository.
publish() {
    rm -rf target
    mkdir -p target
    cp -r "$packages/$1" target/deb
    run < <(documented Repository | sed -n '/^mkdir/,/^gpg.*key.asc/p')
    cd /root
}

apt_get() {
    apt-get -y "$@" > /tmp/out 2>&1 < /dev/null || { cat /tmp/out; fail "apt-get $*"; }
}

version_of() {
    dpkg-query -W -f '${Version}' "$1"
}

# answer SERVER: what the server that runs says when it is asked for a clip: /tmp/SERVER.mp4, and its headers beside.
answer() {
    local status
    for _ in $(seq 100); do
        status=$(curl -s --noproxy '*' -D "/tmp/$1.head" -o "/tmp/$1.mp4" -w '%{http_code}' \
            'http://127.0.0.1/film.mp4?start=5.5&end=10') && break
        sleep 0.1
    done
    [ "$status" = 200 ] || fail "$1 answers ${status:-nothing}"
}

gives_clips() {
    answer "$1"
    is_clip "/tmp/$1.mp4"
}

gives_whole_films() {
    answer "$1"
    cmp "/tmp/$1.mp4" /var/www/html/film.mp4 || fail "$1 does not send the whole film without the module"
}

has_header() {
    grep -qi '^x-mod-h264-streaming:' "/tmp/$1.head"
}

# No process of the server has the module of before an upgrade, and the one that runs has one. nginx's processes of
# before end when they have answered.
runs_the_new_module() {
    local maps
    for _ in $(seq 100); do
        maps=$(cat $(pgrep -x "$1" | sed 's|.*|/proc/&/maps|') 2> /dev/null | grep h264_streaming) || fail "$1 runs without the module"
        case $maps in
            *'(deleted)'*) sleep 0.1 ;;
            *) return ;;
        esac
    done
    fail "$1 was not restarted: it runs the module of before the upgrade"
}

# The administrator of a server: from its package's configuration to nothing.
#   administrate SERVER PACKAGE CONFIGURATION SETTING
administrate() {
    local server=$1 package=$2 configuration=$3
    echo "$4" >> "$configuration"
    run <<< "service $server restart"
    gives_clips "$server"
    ! has_header "$server" || fail "$server does not read $configuration"

    publish 2
    local before
    before=$(version_of "$package")
    run < <(documented Upgrade)
    [ "$(version_of "$package")" != "$before" ] || fail "$package was not upgraded: $(cat /tmp/out)"
    grep -qxF "$4" "$configuration" || fail "$configuration was overwritten"
    [ -z "$(compgen -G "$configuration.*")" ] || fail "beside it: $(compgen -G "$configuration.*")"
    runs_the_new_module "$server"
    gives_clips "$server"
    ! has_header "$server" || fail "$server lost the setting"

    run <<< "$(documented Remove | sed -n "s/^\(apt-get remove -y\) libapache2-.*/\1 $package/p")"
    gives_whole_films "$server"
    [ -e "$configuration" ] || fail "$configuration did not survive the package"
    run <<< "service $server restart"
    gives_whole_films "$server"
}

# In a root without an init system, packages start and restart services only where a policy says so.
printf '#!/bin/sh\nexit 0\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
install -D -m 644 /tmp/film.mp4 /var/www/html/film.mp4
run < <(documented Repository | sed -n '1p')
publish 1
run < <(documented Repository | sed -n '/^curl/,$p')

# Apache, which came with the module.
gives_clips apache2
has_header apache2 || fail "not the module's answer: $(cat /tmp/apache2.head)"
cp /tmp/apache2.mp4 /tmp/clip.mp4
administrate apache2 libapache2-mod-h264-streaming /etc/apache2/mods-available/h264_streaming.conf \
    'H264StreamingVersionHeader Off'

# mp4seek, its manual and its completions.
mp4seek clip --quiet --start 5.5 --end 10 /tmp/film.mp4 /tmp/scene.mp4
is_clip /tmp/scene.mp4
for what in mp4seek 'mp4seek clip' 'mp4seek verify'; do
    # shellcheck disable=SC2086 # as one types it
    man $what 2> /tmp/out | grep "^ *${what/ /-}" > /dev/null || fail "man $what: $(cat /tmp/out)"
done
bash -c '. /usr/share/bash-completion/bash_completion
    _comp_load mp4seek 2> /dev/null || _completion_loader mp4seek
    complete -p mp4seek' > /tmp/out 2>&1 || fail "bash does not complete mp4seek: $(cat /tmp/out)"
completed=$(fish -c 'complete --do-complete "mp4seek fastst"' 2>&1)
[[ $completed = faststart* ]] || fail "fish completes: $completed"
completed=$(zsh -fc 'autoload -Uz compinit; compinit -u -d /tmp/zcompdump; print $_comps[mp4seek]' 2>&1)
[ "$completed" = _mp4seek ] || fail "zsh completes by: $completed"

# other SERVER NUMBER [SED]: the distribution's server, by another version, and with other words in its description.
other() {
    rm -rf /tmp/other
    dpkg-deb -R /tmp/distribution/"$1"_*.deb /tmp/other
    sed -i "s/^Version: .*/&+other$2/; ${3:-}" /tmp/other/DEBIAN/control
    dpkg-deb --build /tmp/other "/tmp/$1_other$2.deb" > /tmp/out
}

# Another lighttpd than the one of the module.
run <<< 'service apache2 stop'
right=$(dpkg-deb --field /tmp/distribution/lighttpd_*.deb Version)
module=lighttpd-mod-h264-streaming
other lighttpd 1
other lighttpd 2
apt_get install /tmp/lighttpd_other1.deb
rm /srv/apt/debian/*.deb
publish 1
apt_get update
! apt-get install -y $module > /tmp/out 2>&1 < /dev/null || fail "apt installs $module with lighttpd $(version_of lighttpd)"
grep -qF "lighttpd (= $right)" /tmp/out || fail "apt does not say why it refuses $module: $(cat /tmp/out)"

apt_get install --allow-downgrades "lighttpd=$right"
install_module() {
    run < <(documented Repository | sed -n "s/^\(apt-get install -y\) .*/\1 $module/p")
    gives_whole_films lighttpd
    run < <(documented Install | grep '^sudo \(lighty\|service lighttpd\)')
    gives_clips lighttpd
}
install_module
has_header lighttpd || fail "not the module's answer: $(cat /tmp/lighttpd.head)"
cmp /tmp/lighttpd.mp4 /tmp/clip.mp4 || fail 'the servers give different clips'

# A new lighttpd waits for its module.
module_version=$(version_of $module)
cp /tmp/lighttpd_other1.deb /srv/apt/debian/
publish 1
run < <(documented Upgrade)
[ "$(version_of lighttpd) $(version_of $module)" = "$right $module_version" ] ||
    fail "lighttpd was upgraded without its module: $(cat /tmp/out)"
gives_clips lighttpd

# With it, both are upgraded. lighttpd is not started between the two: it would find the module of the old one.
rm -rf /tmp/other
dpkg-deb -R "$packages"/2/${module}_*.deb /tmp/other
sed -i "s/lighttpd (= .*)/lighttpd (= $right+other1)/" /tmp/other/DEBIAN/control
dpkg-deb --build /tmp/other /srv/apt/debian/module_other1.deb > /tmp/out
publish 1
: > /var/log/dpkg.log
run < <(documented Upgrade)
[ "$(version_of lighttpd)" = "$right+other1" ] && [ "$(version_of $module)" != "$module_version" ] ||
    fail "lighttpd and its module were not upgraded: $(cat /tmp/out)"
grep " status unpacked $module:\| configure lighttpd:" /var/log/dpkg.log | head -n 1 | grep -q unpacked ||
    fail "lighttpd is started before its module is there: $(cat /var/log/dpkg.log)"
runs_the_new_module lighttpd
gives_clips lighttpd

# Or it costs the module.
cp /tmp/lighttpd_other2.deb /srv/apt/debian/
publish 1
apt_get update
apt_get dist-upgrade
[ "$(version_of lighttpd)" = "$right+other2" ] || fail "lighttpd was not upgraded: $(cat /tmp/out)"
gives_whole_films lighttpd
rm /srv/apt/debian/*_other*.deb
publish 1
apt_get update
apt_get install --allow-downgrades "lighttpd=$right"
install_module
administrate lighttpd $module /etc/lighttpd/conf-available/10-h264-streaming.conf \
    'h264-streaming.version-header = "disable"'

. "$(dirname "$0")/admin_nginx.sh"

# What is removed comes back with the administrator's settings, and what is purged leaves nothing.
run < <(documented Install | head -n 1)
apt_get install $module
grep -qxF 'H264StreamingVersionHeader Off' /etc/apache2/mods-available/h264_streaming.conf || fail 'the setting is gone'
[ -e /etc/apache2/mods-enabled/h264_streaming.load ] || fail 'the Apache module is not enabled again'
apt_get purge libapache2-mod-h264-streaming $module $nginx_module mp4seek
left=$(find / -xdev \( -path /proc -o -path /sys -o -path /tmp -o -path /var/cache -o -path /var/lib/apt -o -path /srv \
    -o -path /root -o -path /home -o -path /var/log \) -prune -o \
    \( -name '*h264[_-]streaming*' -o -name '*mp4seek*' \) -print)
[ -z "$left" ] || fail "purged packages leave behind: $left"
run <<< 'service lighttpd restart'
gives_whole_films lighttpd
run <<< 'service lighttpd stop'
run <<< 'service apache2 start'
gives_whole_films apache2
run <<< 'service apache2 stop'
