# What the scripts in a fresh root share. They run as its root; the user is their first argument.
# shellcheck shell=bash
set -euo pipefail
shopt -s nullglob

user=$1
clone=$HOME/clone

fail() {
    echo "fresh: FAILED: $*" >&2
    exit 1
}

# The user, who has sudo, and to whom the clone belongs.
add_user() {
    if [ "$user" != root ]; then
        useradd -m -s /bin/bash "$user" 2> /dev/null
        echo "$user ALL=(ALL) NOPASSWD: ALL" > "/etc/sudoers.d/$user"
    fi
    chown "$user:" "$HOME"
    chown -R "$user:" "$clone" "$HOME"/.[!.]*
}

# Runs a command in the clone as the user.
as_user() {
    (cd "$clone" && exec setpriv --reuid "$user" --regid "$user" --init-groups -- "$@")
}

# Runs a command line of README's, literally, and says how long it took. What it prints is in /tmp/out.
step() {
    local began=$SECONDS
    echo "fresh: \$ $*"
    as_user sh -c "$*" > /tmp/out 2>&1 < /dev/null || { tail -n 100 /tmp/out; fail "$* (as $user)"; }
    echo "fresh:   $((SECONDS - began)) s, $(du -sm "$clone" | cut -f 1) MB in the clone"
}

# commands_of HEADING [PAGE]: the commands of README's shell block under a heading, or of another page's, without
# their comments.
commands_of() {
    sed -n "/^## $1\$/,/^## /p" "$clone/${2:-README.md}" | sed -n '/^```sh$/,/^```$/p' | sed '/^```/d; s/ *#.*//'
}

# No server or browser that somebody started runs on.
nothing_runs() {
    local comm left=
    for comm in /proc/[0-9]*/comm; do
        case $(cat "$comm" 2> /dev/null) in
            apache2 | lighttpd | nginx | chrom* | demo) left="$left $(cat "$comm")" ;;
        esac
    done
    [ -z "$left" ] || fail "still running after $1:$left"
}

# is_clip FILE: it is an MP4 that lasts the 4.5 s that were asked for.
is_clip() {
    local lasts
    lasts=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$1") || fail "$1 is no film"
    case $lasts in
        4.4[5-9]* | 4.5*) ;;
        *) fail "$1 lasts $lasts s instead of 4.5" ;;
    esac
}
