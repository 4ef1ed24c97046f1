#!/bin/sh
# make deb: Debian packages of the modules and of mp4seek, for the servers that are installed here, in target/deb.
# REVISION is the second part of their version: a rebuild of the same sources, for another lighttpd, takes a higher one.
# DEBFULLNAME and DEBEMAIL say who made them.
set -eu
cd "$(dirname "$0")/.."
source=$PWD
case $source in
    *[[:space:]]*) echo "deb: packages cannot be built in a folder with a space in its path: $source" >&2; exit 1 ;;
esac
. /etc/os-release
about=$(.packaging/version.sh)
# shellcheck disable=SC2086 # three words
set -- $about
version=$1-${REVISION:-1}~deb$VERSION_ID
export SOURCE_DATE_EPOCH="$2"
commit=$3
lighttpd=$(dpkg-query -W -f '${Version}' lighttpd)
nginx=$(dpkg-query -W -f '${Version}' nginx)

mkdir -p "${CARGO_TARGET_DIR:-target}"
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
out=$target/deb
rm -rf "$out/tree" "$out"/*.*
mkdir -p "$out/tree" "$out/cargo" "$target/lighttpd-src"
# The sources of lighttpd are fetched once for all builds.
[ -e "$out/cargo/lighttpd-src" ] || ln -s ../../lighttpd-src "$out/cargo/lighttpd-src"
cp -r .packaging/debian CHANGELOG.md README.md docs "$out/tree/"
cd "$out/tree"

maintainer="${DEBFULLNAME:-mod_h264_streaming} <${DEBEMAIL:-packages@mod-h264-streaming.invalid}>"
"$source/.packaging/maintainer.sh" debian/control "$maintainer"
sed -e '1,/^$/d; s/^$/./; s/^/ /' "$source/LICENSE-MIT" > debian/mit
sed -i -e '/@MIT@/{r debian/mit' -e 'd}' debian/copyright
rm debian/mit
cat > debian/changelog << END
mod-h264-streaming ($version) $VERSION_CODENAME; urgency=medium

  * Built from commit $commit.

 -- $maintainer  $(LC_ALL=C TZ=UTC date -R -d "@$SOURCE_DATE_EPOCH")
END

echo "deb: $version, for lighttpd $lighttpd and nginx $nginx; the log is $out/build.log"
SOURCE=$source CARGO_TARGET_DIR=$out/cargo LIGHTTPD=$lighttpd dpkg-buildpackage -b --no-sign > "$out/build.log" 2>&1 || {
    tail -n 40 "$out/build.log"
    echo "deb: FAILED: the whole log is $out/build.log" >&2
    exit 1
}
cd ..
ls -- *.deb
