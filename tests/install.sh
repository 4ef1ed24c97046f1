#!/bin/sh
# What `make install` and `make uninstall` do. The Makefile says where everything is and goes, in variables.
#   install.sh install|uninstall
set -eu
: "${BUILT:?run this by make install or make uninstall}"

apache_module=$APACHE_MODULES/mod_h264_streaming.so
lighttpd_module=$LIGHTTPD_MODULES/mod_h264_streaming.so
apache_load=$APACHE_CONF/mods-available/h264_streaming.load
apache_conf=$APACHE_CONF/mods-available/h264_streaming.conf
lighttpd_conf=$LIGHTTPD_CONF/conf-available/10-h264-streaming.conf
nginx_conf=$NGINX_CONF/mod-http-h264-streaming.conf
nginx_module=$NGINX_MODULES/ngx_http_h264_streaming_module.so
nginx_enabled=$NGINX_ENABLED/50-mod-http-h264-streaming.conf
lighttpd_enabled=$LIGHTTPD_CONF/conf-enabled/10-h264-streaming.conf

# The configuration files as they are installed.
content_of() {
    case $1 in
        "$apache_load") echo "LoadModule h264_streaming_module \"$apache_module\"" ;;
        "$apache_conf") echo 'H264Streaming On' ;;
        "$lighttpd_conf") echo 'server.modules += ( "mod_h264_streaming" )' ;;
        "$nginx_conf") echo "load_module $nginx_module;" ;;
    esac
}

is_as_installed() {
    content_of "$1" | cmp -s - "$DESTDIR$1"
}

# What dpkg installed is for dpkg to replace and to remove.
is_of_package() {
    if [ -n "$DESTDIR" ] || ! [ -e "$1" ]; then return 1; fi
    package=$(dpkg-query -S "$1" 2> /dev/null) || return 1
    package=${package%%:*}
    # A package that was removed and not purged puts back no file of its own that is gone by then.
    case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) in
        config-files) echo "kept: $1, which the package $package left: apt-get purge $package takes it" ;;
        *) echo "kept: $1, which belongs to the package $package" ;;
    esac
}

# An administrator's changes are kept.
install_config() {
    if is_of_package "$1"; then return; fi
    if [ -e "$DESTDIR$1" ] && ! is_as_installed "$1"; then
        echo "kept: $DESTDIR$1, which was changed since it was installed"
        return
    fi
    mkdir -p "$(dirname "$DESTDIR$1")"
    content_of "$1" > "$DESTDIR$1"
    chmod 644 "$DESTDIR$1"
}

uninstall_config() {
    if is_of_package "$1"; then return; fi
    if [ ! -e "$DESTDIR$1" ] || is_as_installed "$1"; then
        rm -f "$DESTDIR$1"
    else
        echo "kept: $DESTDIR$1, which was changed since it was installed"
    fi
}

# Without the debug information, which is ten times the rest. Symbols stay: a backtrace names functions.
install_program() {
    if is_of_package "$3"; then return; fi
    "$STRIP" --strip-debug -o "$work/stripped" "$BUILT/$2" 2> /dev/null || cp "$BUILT/$2" "$work/stripped"
    mkdir -p "$(dirname "$DESTDIR$3")"
    install -m "$1" "$work/stripped" "$DESTDIR$3"
}

# A package (DESTDIR) holds everything; a machine gets what its servers can use.
is_wanted() {
    [ -n "$DESTDIR" ] || [ -d "$2" ] || {
        echo "skipped: $1, as there is no $2: install the server, then run make install again"
        return 1
    }
}

install_all() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM
    enable=
    if is_wanted "Apache's module" "$APACHE_MODULES"; then
        install_program 644 libmod_h264_streaming_apache.so "$apache_module"
        if is_wanted "Apache's configuration" "$APACHE_CONF"; then
            install_config "$apache_load"
            install_config "$apache_conf"
            enable="a2enmod h264_streaming"
        fi
    fi
    if is_wanted "lighttpd's module" "$LIGHTTPD_MODULES"; then
        install_program 644 libmod_h264_streaming_lighttpd.so "$lighttpd_module"
        if is_wanted "lighttpd's configuration" "$LIGHTTPD_CONF"; then
            install_config "$lighttpd_conf"
            enable="${enable:+$enable; }lighttpd-enable-mod h264-streaming"
        fi
    fi
    if ! [ -e "$BUILT/libmod_h264_streaming_nginx.so" ]; then
        echo "skipped: nginx's module, which was not built, as nginx's development files (nginx-dev) are missing"
    # An nginx without modules has no folder for them.
    elif is_wanted "nginx's module" "$NGINX_CONF"; then
        install_program 644 libmod_h264_streaming_nginx.so "$nginx_module"
        install_config "$nginx_conf"
        enable="${enable:+$enable; }ln -s $nginx_conf $nginx_enabled"
    fi
    install_program 755 mp4seek "$PREFIX/bin/mp4seek"
    # sudo drops CARGO_TARGET_DIR: then it may be another build than the last one.
    echo "Installed from $BUILT, built on $(date -r "$BUILT/mp4seek" '+%F at %T').${enable:+ To load: $enable}"
}

# The tests of configurations that say that all is well.
passed() {
    for server in nginx apachectl; do
        if command -v "$server" > /dev/null && "$server" -t > /dev/null 2>&1; then echo "$server"; fi
    done
}

# What is no link is an administrator's own.
remove_link() {
    if [ -L "$1" ]; then rm -f "$1"; elif [ -e "$1" ]; then echo "kept: $1, which is no link"; fi
}

uninstall_all() {
    good=
    # A server whose configuration names a file that is gone does not start again.
    if [ -z "$DESTDIR" ]; then
        good=$(passed)
        # Their configuration may be what a package left, and load this module.
        if ! is_of_package "$apache_module" > /dev/null && [ -e "$APACHE_CONF/mods-enabled/h264_streaming.load" ]; then
            # Where it is not in PATH, links are all there is of it.
            APACHE_CONFDIR=$APACHE_CONF a2dismod -q -f -p h264_streaming 2> /dev/null || true
            remove_link "$APACHE_CONF/mods-enabled/h264_streaming.load"
            remove_link "$APACHE_CONF/mods-enabled/h264_streaming.conf"
        fi
        is_of_package "$lighttpd_module" > /dev/null || remove_link "$lighttpd_enabled"
        # By whatever name, and however it says where.
        for link in "$NGINX_ENABLED"/*; do
            if [ -L "$link" ] && [ "$link" -ef "$nginx_conf" ]; then rm -f "$link"; fi
        done
    fi
    for file in "$apache_load" "$apache_conf" "$lighttpd_conf" "$nginx_conf"; do
        uninstall_config "$file"
    done
    for file in "$apache_module" "$lighttpd_module" "$nginx_module" "$PREFIX/bin/mp4seek"; do
        is_of_package "$file" || rm -f "$DESTDIR$file"
    done
    # nginx alone has no folder for modules: it was made for ours, where no other is in it.
    rmdir "$DESTDIR$NGINX_MODULES" "$(dirname "$DESTDIR$NGINX_MODULES")" 2> /dev/null || true
    echo "Uninstalled. Servers that run keep the module until they are restarted"
    for server in $good; do
        "$server" -t > /dev/null 2>&1 ||
            echo "It is in your configuration still, and the server will not start again: $server -t says where"
    done
}

"$1_all"
