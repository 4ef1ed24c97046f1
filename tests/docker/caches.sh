#!/bin/sh
# The caches of docs/caching.md in a container: their configuration, and both of them.
#   caches.sh write NGINX_CONF VCL    the examples, for servers named apache and lighttpd
#   caches.sh run                     nginx on port 80, Varnish on 6081
set -eu

# The last example in a language.
example() {
    awk -v fence='```' -v language="$1" '
        $0 == fence language { inside = 1; text = ""; next }
        $0 == fence { inside = 0 }
        inside { text = text $0 "\n" }
        END { printf "%s", text }' "$(dirname "$0")/caching.md" | sed 's/\.example//'
}

case $1 in
    write)
        example nginx > "$2"
        example vcl > "$3"
        ;;
    run)
        mkdir -p /var/cache/nginx
        nginx
        exec varnishd -F -a :6081 -f /etc/varnish/films.vcl -s malloc,256m
        ;;
esac
