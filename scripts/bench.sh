#!/bin/sh
# Runs the benchmark, with the options that scripts/bench/main.ts explains:
#   scripts/bench.sh [OPTION...]
# Root's runs get a RAM disk, which is gone when the benchmark ends; anybody else's stores are in /tmp.
set -eu

cd "$(dirname "$0")/.."
sh scripts/packages.sh dovecot-imapd interimap isync time util-linux
sh scripts/deno.sh --version >/dev/null

bench='exec sh scripts/deno.sh run --quiet --cached-only --allow-all scripts/bench/main.ts "$@"'
if [ "$(id -u)" != 0 ]; then
  sh -c "$bench" bench "$@"
  exit
fi
# Mounted in a namespace of its own, the RAM disk ends with the last process.
disk=$(mktemp -d /tmp/bench.XXXXXX)
trap 'rmdir "$disk"' EXIT
trap 'exit 130' HUP INT TERM
unshare --mount sh -c "mount -t tmpfs -o mode=755 tmpfs $disk && $bench" bench "--directory=$disk" "$@"
