#!/bin/sh
# The caches of compose.yaml give what the servers behind them give, in the client's container.
#   caches_test.sh ask     a clip and a range of it, twice of each cache
#   caches_test.sh kept    the same, once the servers are stopped
set -eu
film=/films/caches.mp4
query='end=20&start=1'
origins='http://apache http://lighttpd'
caches='http://caches http://caches:6081'

fail() {
    echo "caches: FAILED: $*" >&2
    exit 1
}

# same URL WANTED [HEADER]
same() {
    curl -sS --fail --max-time 60 -H "${3:-Accept: */*}" "$1/caches.mp4?$query" | cmp - "$2" ||
        fail "$1 does not give what the servers gave${3:+, $3}"
}

case $1 in
    ask)
        # Noise, so that a clip is longer than a slice.
        ffmpeg -v error -y -f lavfi -i testsrc2=duration=30:size=320x240 -f lavfi -i anoisesrc=duration=30 \
            -vf noise=alls=40:allf=t -c:v libx264 -preset ultrafast -b:v 2M -c:a aac -f mp4 $film.new
        touch -d '1 hour ago' $film.new
        mv $film.new $film
        curl -sS --fail "http://apache/caches.mp4?$query" > $film.whole
        [ "$(stat -c %s $film.whole)" -gt 2100000 ] || fail 'the clip is too short for slices'
        # From the middle of a slice to the middle of the next.
        tail -c +1000001 $film.whole | head -c 200000 > $film.part
        for _ in 1 2; do
            for server in $origins $caches; do
                same "$server" $film.whole
                same "$server" $film.part 'Range: bytes=1000000-1199999'
            done
        done
        ;;
    kept)
        for server in $origins; do
            ! curl -s --max-time 5 "$server/" > /dev/null 2>&1 || fail "$server is not stopped"
        done
        for server in $caches; do
            same "$server" $film.whole
            same "$server" $film.part 'Range: bytes=1000000-1199999'
        done
        echo 'caches: both keep clips, and give them as the servers do'
        ;;
esac
