#!/bin/sh
# Writes into a control file ($1) who makes the packages ($2): whatever sign the name holds.
set -eu
sed -i "s/@MAINTAINER@/$(printf '%s' "$2" | sed 's/[\\&/]/\\&/g')/" "$1"
