#!/bin/sh
# Runs Deno, and installs it first when there is none:
#   scripts/deno.sh ARGUMENT...   runs deno with these arguments
#   scripts/deno.sh --path        prints the path of the deno that would run
#   scripts/deno.sh --minimum     prints the oldest version that will do
# It takes, in this order: a deno on PATH that is new enough, the one in .tools/, the pinned version from npm, which it
# puts into .tools/. Nothing is written outside the checkout then: the caches of npm and Deno are in .tools/ as well.
set -eu

version=2.9.6
root=$(cd "$(dirname "$0")/.." && pwd -P)
home=$root/.tools/deno-$version

fail() {
  echo "scripts/deno.sh: $1" >&2
  exit 1
}

# Whether the deno named $1 is of version 2.x and not older than the pinned one.
new_enough() {
  found=$("$1" --version 2>/dev/null | sed -n 's/^deno \([0-9]*\.[0-9]*\.[0-9]*\).*/\1/p')
  [ -n "$found" ] || return 1
  [ "${found%%.*}" = "${version%%.*}" ] || return 1
  [ "$(printf '%s\n' "$version" "$found" | sort -V | head -n 1)" = "$version" ]
}

# npm's `deno` is a small script in front of a package that holds the executable for this machine. Only that is kept:
# the script would cost a Node process for every run, and would not pass signals on.
install_from_npm() {
  command -v npm >/dev/null 2>&1 ||
    fail "Deno $version or newer (2.x) is needed: put it on PATH, or install Node.js with npm and try again"
  mkdir -p "$root/.tools"
  staging=$(mktemp -d "$root/.tools/install.XXXXXX")
  trap 'rm -rf "$staging"' EXIT
  trap 'exit 1' HUP INT TERM
  echo "Installing Deno $version from npm into ${home#"$root"/}" >&2
  npm install --prefix "$staging" --cache "$staging/cache" --ignore-scripts --include=optional \
    --no-audit --no-fund --no-update-notifier --logs-max=0 --loglevel=error "deno@$version" >&2 ||
    fail "npm could not install deno@$version: put Deno $version or newer (2.x) on PATH and try again"
  for package in "$staging"/node_modules/@deno/*; do
    [ -f "$package/deno" ] || fail "npm has no Deno $version for this kind of machine: put one on PATH"
    chmod 755 "$package/deno"
    # Another run may have been faster.
    [ -d "$home" ] || mv "$package" "$home" || fail "cannot write to .tools/"
    break
  done
  rm -rf "$staging"
  trap - EXIT HUP INT TERM
  echo "Installed $("$home/deno" --version | head -n 1)" >&2
}

export DENO_NO_UPDATE_CHECK=1
[ -t 1 ] || export NO_COLOR=1

[ "${1-}" != --minimum ] || {
  echo "$version"
  exit
}

if command -v deno >/dev/null 2>&1 && new_enough deno; then
  deno=$(command -v deno)
else
  [ -x "$home/deno" ] || install_from_npm
  deno=$home/deno
  export DENO_DIR="${DENO_DIR:-$root/.tools/cache}"
fi

[ "${1-}" != --path ] || {
  echo "$deno"
  exit
}
exec "$deno" "$@"
