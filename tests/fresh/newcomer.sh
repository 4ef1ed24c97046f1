#!/bin/bash
# In a fresh root: README's two commands, and what those are told who cannot install packages.
#   newcomer.sh USER "COMMAND…"
. "$(dirname "$0")/common.sh"
commands=$2

add_user
useradd -m guest

# A user without sudo is told in one line what to install.
cp -r "$clone" /home/guest/clone
chown -R guest: /home/guest/clone
told=$(cd /home/guest/clone && setpriv --reuid guest --regid guest --init-groups -- \
    make demo 2>&1 < /dev/null) && fail "make demo passed as a user who cannot install anything"
rm -r /home/guest/clone
line=$(echo "$told" | sed -n 's/^setup: .*as root, run: //p')
case $line in
    'apt-get update && apt-get install '*) ;;
    *) fail "no line to paste: $told" ;;
esac
[ "$(echo "$told" | grep -v '^sudo:\|^make: \*\*\*' | grep -c .)" = 1 ] || fail "more than one line: $told"

make_demo() {
    local log=/tmp/demo.log began=$SECONDS urls url
    # With a process group of its own, as a terminal's Ctrl-C reaches it.
    : > $log
    set -m
    as_user sh -c "$*" > $log 2>&1 < /dev/null &
    local demo=$!
    set +m
    until grep -q 'Ctrl-C stops' $log; do
        kill -0 $demo 2> /dev/null || { cat $log; fail "$* ended"; }
        sleep 1
    done
    echo "fresh:   $((SECONDS - began)) s, $(du -sm "$clone" | cut -f 1) MB in the clone"
    mapfile -t urls < <(grep -o 'http://[^ ]*' $log)
    # Two of each server.
    [ ${#urls[@]} = 6 ] || fail "${#urls[@]} addresses: ${urls[*]}"
    for url in "${urls[@]}"; do
        curl -sS --fail --noproxy '*' -o /tmp/answer "$url" || { cat $log; fail "$url"; }
        case $url in
            *start=*) is_clip /tmp/answer ;;
            *) grep -q '</html>' /tmp/answer || fail "$url is no page" ;;
        esac
    done
    kill -INT -- -$demo
    wait $demo || [ $? -gt 1 ] || fail "$* does not end well"
    grep -q Stopping $log || fail "$* was not stopped"
    nothing_runs "$*"
    # The line that was to be pasted names what was missing, no less.
    sed -n 's/^setup: installing//p' $log | tr ' ' '\n' | sort > /tmp/installed
    echo "${line##*--no-install-recommends}" | tr ' ' '\n' | sort > /tmp/told
    diff /tmp/told /tmp/installed || fail "other packages were installed than the line named"
    grep -q ' warning: \|^warning: ' $log && { cat $log; fail "$* warns"; }
    return 0
}

while read -r command; do
    case " $commands " in
        *" ${command#make } "*) ;;
        *) continue ;;
    esac
    case $command in
        'make demo')
            echo "fresh: \$ $command"
            make_demo "$command"
            ;;
        *)
            step "$command"
            nothing_runs "$command"
            ;;
    esac
done < <(commands_of 'Two commands')

# For the operator: the distribution's Apache, and the film of the demo. Nothing may start yet.
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get install -y -qq --no-install-recommends apache2 > /tmp/apache.log 2>&1 || { cat /tmp/apache.log; exit 1; }
read -r command < <(commands_of Install)
step "$command"
