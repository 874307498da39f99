#!/bin/sh
# Makes sure that the named Debian packages are installed:
#   scripts/packages.sh PACKAGE...
# Root gets what is missing by apt-get, and no service is started or enabled by it; anybody else is told in one line
# what to install. Prints what it installed, and nothing when nothing was missing.
set -eu

# Packages whose service Debian enables at boot, which nobody asked for here.
services="dovecot-core:dovecot dante-server:danted"

policy=/usr/sbin/policy-rc.d
saved=$policy.saved-by-interimap

fail() {
  echo "scripts/packages.sh: $1" >&2
  exit 1
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Forbids maintainer scripts to start anything, until the end of this script.
forbid_services() {
  trap allow_services EXIT
  trap 'exit 1' HUP INT TERM
  # A saved file that is there already was left by a run that was killed: it is the one to put back.
  if [ -e "$policy" ] && [ ! -e "$saved" ]; then mv "$policy" "$saved"; fi
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}

allow_services() {
  rm -f "$policy"
  if [ -e "$saved" ]; then mv "$saved" "$policy"; fi
}

# shellcheck disable=SC2086
apt_install() {
  apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 $missing </dev/null
}

command -v dpkg-query >/dev/null 2>&1 || fail "this is not Debian: install what its packages '$*' contain by hand"

missing=
for package; do
  is_installed "$package" || missing="$missing $package"
done
missing=${missing# }
[ -n "$missing" ] || exit 0

[ "$(id -u)" = 0 ] ||
  fail "packages are missing; as root: apt-get install --no-install-recommends $missing"

echo "Installing Debian packages: $missing"
new_services=
for pair in $services; do
  is_installed "${pair%:*}" || new_services="$new_services $pair"
done
forbid_services
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
# Package lists that are missing or out of date make the first try fail.
apt_install >"$log" 2>&1 || { apt-get update && apt_install; } >"$log" 2>&1 || {
  cat "$log" >&2
  rm -f "$log"
  fail "apt-get failed (see above); the packages that are needed: $missing"
}
rm -f "$log"
for pair in $new_services; do
  is_installed "${pair%:*}" || continue
  service=${pair#*:}
  update-rc.d "$service" disable >/dev/null 2>&1 ||
    echo "$service will start at the next boot: update-rc.d $service disable"
done
for package in $missing; do
  echo "Installed $package $(dpkg-query -W -f '${Version}' "$package")"
done
