#!/bin/sh
# Makes sure that there is a Cyrus IMAP server for the tests in .tools/cyrus, and prints what it unpacked; nothing when
# all was there:
#   scripts/cyrus.sh          unpacks what is missing
#   scripts/cyrus.sh --path   prints where it is
# The Debian packages are downloaded and unpacked, never installed: cyrus-imapd conflicts with Dovecot, which apt would
# remove. Works as root and as anybody else, and starts nothing. Whichever version the distribution has will do; what
# was unpacked is checked before it is used.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd -P)
home=$root/.tools/cyrus

# The server and the tool that sets passwords, and the SASL modules that they load at run time.
wanted='cyrus-imapd cyrus-common sasl2-bin libsasl2-modules libsasl2-modules-db'
# Only tools that the tests do not run need these.
unneeded='^libclamav|^libcyrus-imap-perl$|-perl$'
programs='usr/lib/cyrus/bin/master usr/lib/cyrus/bin/imapd usr/lib/cyrus/bin/idled usr/lib/cyrus/bin/ctl_cyrusdb
  usr/sbin/saslpasswd2'

fail() {
  echo "scripts/cyrus.sh: $1" >&2
  exit 1
}

# Where the unpacked programs in $1 find their libraries.
library_path() {
  echo "$1"/usr/lib/*-linux-gnu* "$1"/lib/*-linux-gnu* | tr ' ' ':'
}

# What the unpacked programs in $1 lack in order to run, in words; nothing when they are complete.
lacking() {
  for program in $programs; do
    if [ -x "$1/$program" ]; then
      LD_LIBRARY_PATH=$(library_path "$1") ldd "$1/$program" 2>/dev/null | sed -n 's/^[[:space:]]*\(.*\) => not found.*/\1/p'
    else
      echo "$program"
    fi
  done | sort -u
  ls "$1"/usr/lib/*/sasl2/libsasldb.so >/dev/null 2>&1 || echo "the sasldb module of SASL"
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The libraries that the package file $1 depends on. Of alternatives the first counts.
libraries() {
  for field in Pre-Depends Depends; do
    dpkg-deb -f "$1" "$field"
  done | tr ',' '\n' | sed -e 's/^ *//' -e 's/[ :|(].*//' | grep '^lib' | grep -Ev "$unneeded" || true
}

# Downloads the named packages into the current directory.
download() {
  apt-get -q download "$@" >"$staging/log" 2>&1 && return
  # The lists are missing or out of date; only root can do something about it.
  [ "$(id -u)" != 0 ] || apt-get -q update >>"$staging/log" 2>&1 || true
  apt-get -q download "$@" >>"$staging/log" 2>&1 && return
  cat "$staging/log" >&2
  fail "cannot download $* (see above); as root: apt-get update"
}

# Downloads and unpacks what is wanted, then what that depends on and this machine does not have, and so on.
unpack() {
  next=$wanted
  seen=' '
  while [ -n "$next" ]; do
    # shellcheck disable=SC2086
    (cd "$staging/new" && download $next)
    seen="$seen$next "
    next=
    for file in "$staging"/new/*.deb; do
      dpkg-deb -x "$file" "$staging/tree"
      for library in $(libraries "$file"); do
        case "$seen $next " in *" $library "*) continue ;; esac
        is_installed "$library" || next="$next $library"
      done
    done
    mv "$staging"/new/*.deb "$staging/done"
    next=${next# }
  done
}

[ "${1-}" != --path ] || {
  echo "$home"
  exit
}
[ ! -d "$home" ] || [ -n "$(lacking "$home")" ] || exit 0

command -v dpkg-deb >/dev/null 2>&1 || fail "this is not Debian: there are no packages to unpack"
mkdir -p "$root/.tools"
staging=$(mktemp -d "$root/.tools/cyrus.XXXXXX")
trap 'rm -rf "$staging"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$staging/new" "$staging/done" "$staging/tree"
unpack
missing=$(lacking "$staging/tree" | tr '\n' ' ')
[ -z "$missing" ] || fail "the unpacked Cyrus IMAP cannot run without: $missing"
rm -rf "$home"
mv "$staging/tree" "$home" || fail "cannot write to .tools/"
for file in "$staging"/done/*.deb; do
  # shellcheck disable=SC2016
  dpkg-deb -W --showformat='Unpacked ${Package} ${Version}\n' "$file"
done
