#!/bin/bash
# make docker-test: builds the images, runs the server tests in containers, and asks the caches for clips.
# Uses the Docker engine that is there. Where there is none, Debian's docker.io is
# installed and an engine of our own runs for as long as this takes.
# Ends with 0 if the tests pass, 77 if no engine can be had here, else with another code.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/docker/rules.sh

image=${BASE_IMAGE:-debian:bookworm-slim}
work=$PWD/target/docker
engine=
export DOCKER_BUILDKIT=1 BUILDKIT_PROGRESS=plain

skip() {
    echo "docker-test: not run: $*" >&2
    exit 77
}

stop_engine() {
    kill "$engine" 2>/dev/null || return 0
    wait "$engine" || true
    umount "$work"/exec/netns/* 2>/dev/null || true
    # What the engine changed for the whole machine.
    sysctl -q -w "net.ipv4.ip_forward=$forwarding"
    restore_rules "$work/rules" || true
    ip link delete docker0 2>/dev/null || true
    rm -rf "$work"
}

start_engine() {
    [ "$(id -u)" = 0 ] || skip "no Docker engine answers, and starting one takes root"
    tests/setup.sh docker || skip "no Docker engine answers, and docker.io could not be installed"
    forwarding=$(sysctl -n net.ipv4.ip_forward)
    tests/docker/rules_test.sh
    save_rules "$work/rules"
    # Short: the path of a socket may have some 100 bytes.
    socket=$(mktemp -u /tmp/h264-docker-XXXXXX)
    mkdir -p "$work"
    export DOCKER_HOST=unix://$socket
    dockerd --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" -H "$DOCKER_HOST" \
        --mtu 1400 > "$work.log" 2>&1 < /dev/null &
    engine=$!
    trap stop_engine EXIT
    trap 'exit 130' INT TERM
    # docker.io's own client has BuildKit built in; another one may lack it.
    PATH=/usr/bin:$PATH
    for _ in $(seq 60); do
        docker info > /dev/null 2>&1 && return
        kill -0 "$engine" 2>/dev/null || break
        sleep 0.5
    done
    skip "dockerd does not start here: $(grep -E 'level=(error|fatal)|^failed' "$work.log" | tail -n 1)"
}

command -v docker > /dev/null && docker info > /dev/null 2>&1 || start_engine

if docker compose version > /dev/null 2>&1; then
    compose=(docker compose)
elif command -v docker-compose > /dev/null; then
    compose=(docker-compose)
else
    skip "there is no Docker Compose: install docker-compose"
fi
compose+=(-p "h264-streaming-$$" -f tests/docker/compose.yaml)

if ! docker image inspect "$image" > /dev/null 2>&1 && ! docker pull -q "$image"; then
    command -v mmdebstrap > /dev/null || skip "$image can be neither pulled nor made: install mmdebstrap"
    echo "docker-test: making $image from the distribution's packages"
    mmdebstrap --quiet --variant=minbase bookworm - | docker import - "$image" > /dev/null
fi

# The build trusts whom this machine trusts.
secret=()
certificates=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
[ -s "$certificates" ] && secret=(--secret "id=ca,src=$certificates")
for name in apache lighttpd nginx caches client; do
    docker build "${secret[@]}" --build-arg "BASE_IMAGE=$image" \
        -t "h264-streaming-$name" -f "tests/docker/$name.Dockerfile" .
done

# Any free ports: the client comes by the servers' names.
export APACHE_PORT= LIGHTTPD_PORT= NGINX_PORT= SLICES_PORT= VARNISH_PORT=
trap 'status=$?; "${compose[@]}" --profile caches down --volumes; [ -z "$engine" ] || stop_engine; exit $status' EXIT
# is_up NAME…
is_up() {
    local name container health
    for name in "$@"; do
        container=$("${compose[@]}" ps -q "$name")
        for _ in $(seq 60); do
            health=$(docker inspect -f '{{.State.Health.Status}}' "$container")
            [ "$health" = healthy ] && break
            sleep 0.5
        done
        [ "$health" = healthy ] || { "${compose[@]}" logs "$name"; return 1; }
    done
}

client() {
    "${compose[@]}" run --rm --no-deps client "$@" || { "${compose[@]}" logs --tail=50; return 1; }
}

"${compose[@]}" up -d apache lighttpd nginx
is_up apache lighttpd nginx
client
"${compose[@]}" up -d --no-deps caches
is_up caches
client caches_test.sh ask
"${compose[@]}" stop apache lighttpd
client caches_test.sh kept
