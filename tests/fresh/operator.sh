#!/bin/bash
# In a root where the modules were built, with a network of its own: they are installed into the distribution's
# servers, give a clip, and are uninstalled without a trace.
#   operator.sh USER
. "$(dirname "$0")/common.sh"

# The film of `make demo`, or one of `make test`.
film=("$clone"/target/h264-tests/demo/*.mp4 "$clone"/target/h264-tests/films/bframes-*.mp4)
load='/etc/apache2/mods-available/h264_streaming.conf'
cp "${film[0]}" /var/www/html/film.mp4
chmod 644 /var/www/html/film.mp4

# a2enmod makes two directories for its own notes.
files() {
    find / -xdev \( -path /proc -o -path /dev -o -path /sys -o -path /run -o -path /tmp -o -path /var/tmp \
        -o -path /var/log -o -path /var/cache -o -path "$HOME" \) -prune \
        -o ! -path '/var/lib/apache2/module/*abled_by_admin' -printf '%p %y %m %U %l\n' | sort
}

# As both use port 80, one server at a time.
clip_of() {
    "/etc/init.d/$1" start > /tmp/out 2>&1 || { cat /tmp/out; fail "$1 does not start"; }
    for _ in $(seq 100); do
        status=$(curl -s --noproxy '*' -D "/tmp/$1.head" -o "/tmp/$1.mp4" -w '%{http_code}' \
            'http://127.0.0.1/film.mp4?start=5.5&end=10') && break
        sleep 0.1
    done
    "/etc/init.d/$1" stop > /tmp/out 2>&1 || { cat /tmp/out; fail "$1 does not stop"; }
    for _ in $(seq 100); do
        grep -qsxF "$1" /proc/[0-9]*/comm || break
        sleep 0.1
    done
    [ "$status" = 200 ] || fail "$1 answers ${status:-nothing}"
}

# What the servers leave behind when they run is not ours.
clip_of apache2
clip_of lighttpd
clip_of nginx
files > /tmp/before

mapfile -t install < <(commands_of Install)
step "${install[1]}"
for command in 'sudo a2enmod h264_streaming' 'sudo lighttpd-enable-mod h264-streaming'; do
    grep -qF "\`$command &&" "$clone/README.md" || fail "README does not say \`$command\`"
    step "$command"
done
while read -r command; do
    case $command in
        *'service nginx '*) ;;
        *) step "$command" ;;
    esac
done < <(commands_of Install docs/nginx.md)
for server in apache2 lighttpd nginx; do
    clip_of $server
    is_clip /tmp/$server.mp4
    grep -qi '^x-mod-h264-streaming:' /tmp/$server.head || fail "not the module's answer: $(cat /tmp/$server.head)"
done
for server in lighttpd nginx; do
    cmp /tmp/apache2.mp4 /tmp/$server.mp4 || fail 'the servers give different clips'
done

# An administrator's change survives.
cp -p $load /tmp/load
echo '# mine' >> $load
step "${install[1]}"
grep -qF "kept: $load" /tmp/out || fail "make install does not say that it keeps $load"
grep -q '^# mine$' $load || fail "$load was overwritten"
cp -p /tmp/load $load

step 'sudo make uninstall'
rm /etc/nginx/conf.d/h264-streaming.conf
files > /tmp/after
diff /tmp/before /tmp/after || fail 'this is left behind, or gone'
clip_of apache2
clip_of lighttpd
clip_of nginx
nothing_runs 'all servers'
