# The part of admin.sh that is about nginx. lighttpd has port 80 when it begins and ends.
# shellcheck shell=bash
nginx_module=libnginx-mod-http-h264-streaming
nginx_conf=/etc/nginx/conf.d/h264-streaming.conf
nginx_right=$(dpkg-deb --field /tmp/distribution/nginx_*.deb Version)
nginx_abi=$(dpkg-deb --field "$(compgen -G "$packages/1/${nginx_module}_*.deb")" Depends | grep -o 'nginx-abi-[^, ]*')

# Workers of before a reload answer for a moment.
reloaded() {
    sleep 1
}

run <<< 'service lighttpd stop'

# The module is not installed with an nginx of another interface.
other nginx 1 "s/$nginx_abi/$nginx_abi+other/"
apt_get install /tmp/nginx_other1.deb
rm /srv/apt/debian/*.deb
publish 1
apt_get update
! apt-get install -y $nginx_module > /tmp/out 2>&1 < /dev/null ||
    fail "apt installs $nginx_module with nginx $(version_of nginx)"
grep -qF "$nginx_abi" /tmp/out || fail "apt does not say why it refuses $nginx_module: $(cat /tmp/out)"
apt_get install --allow-downgrades "nginx=$nginx_right"

# It is loaded at once, and off.
run < <(documented Repository | sed -n "s/^\(apt-get install -y\) .*/\1 $nginx_module/p")
reloaded
runs_the_new_module nginx
gives_whole_films nginx
run < <(documented Install | grep '^echo\|^sudo service nginx')
reloaded
gives_clips nginx
has_header nginx || fail "not the module's answer: $(cat /tmp/nginx.head)"
cmp /tmp/nginx.mp4 /tmp/clip.mp4 || fail 'the servers give different clips'

# An nginx that is mended keeps its interface: it need not wait for the module.
other nginx 2
cp /tmp/nginx_other2.deb /srv/apt/debian/
publish 1
run < <(documented Upgrade)
[ "$(version_of nginx)" = "$nginx_right+other2" ] || fail "nginx was not upgraded: $(cat /tmp/out)"
gives_clips nginx
has_header nginx || fail "nginx lost the module: $(cat /tmp/nginx.head)"

# A new module.
echo 'h264_streaming_version_header off;' >> $nginx_conf
before=$(version_of $nginx_module)
publish 2
run < <(documented Upgrade)
[ "$(version_of $nginx_module)" != "$before" ] || fail "$nginx_module was not upgraded: $(cat /tmp/out)"
runs_the_new_module nginx
gives_clips nginx
! has_header nginx || fail 'nginx lost the setting'

# Without its module nginx goes on, and says what it will not start with.
cp $nginx_conf /tmp/nginx_conf
apt_get remove $nginx_module
grep -q 'nginx will not start again' /tmp/out || fail "removing does not say what is left over: $(cat /tmp/out)"
reloaded
gives_clips nginx
apt_get install $nginx_module
[ -L /etc/nginx/modules-enabled/50-mod-http-h264-streaming.conf ] || fail 'the nginx module is not enabled again'
run < <(documented Remove | grep '^rm\|nginx')
[ ! -e $nginx_conf ] || fail "$nginx_conf is still there"
reloaded
gives_whole_films nginx
run <<< 'service nginx restart'
gives_whole_films nginx
run <<< 'service nginx stop'
run <<< 'service lighttpd start'
