#!/bin/sh
# Installs what scripts/build.sh has built, and the manual:
#   scripts/install.sh PREFIX [DESTDIR]
# With DESTDIR, a folder that is packed and unpacked elsewhere, the program is not compiled in advance: what installs the
# package can do that, by scripts/precompile.sh PREFIX/bin/interimap PREFIX/lib/interimap.compiled
set -eu

cd "$(dirname "$0")/.."
prefix=$1
case $prefix in
  /*) ;;
  *)
    echo "scripts/install.sh: PREFIX has to be a whole path, not $prefix" >&2
    exit 1
    ;;
esac
root=${2-}$prefix

# $1 as one word of sh, in the replacement of sed's s||| command.
quoted() {
  printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" | sed 's/[\\&|]/\\&/g'
}

install -d "$root/bin" "$root/share/man/man1" "$root/share/doc/interimap"
sed "s|^\":\" //; built=.*|\":\" //; built=$(quoted "$prefix/bin/interimap") compiled=$(quoted "$prefix/lib/interimap.compiled")|" \
  build/interimap >build/interimap.installed
install -m 755 build/interimap.installed "$root/bin/interimap"
rm build/interimap.installed
install -m 644 man/interimap.1 "$root/share/man/man1/interimap.1"
install -m 644 man/getting-started.md man/sample.config "$root/share/doc/interimap"
[ -n "${2-}" ] || sh scripts/precompile.sh "$prefix/bin/interimap" "$prefix/lib/interimap.compiled"
