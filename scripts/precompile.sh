#!/bin/sh
# Fills the folder in which a built program finds itself compiled, so that its first start is as fast as all others:
#   scripts/precompile.sh PROGRAM FOLDER
# Both are named as the program's own text names them, with their whole paths: Deno knows by the path what belongs to what.
# To be run again when another Deno was installed; until then the program starts as if the folder were empty.
set -eu

program=$1
folder=$2
# It is removed below.
case $folder in
  /*/interimap.compiled) ;;
  *)
    echo "scripts/precompile.sh: $folder is not the whole path of a folder named interimap.compiled" >&2
    exit 1
    ;;
esac
work=$(mktemp -d "${TMPDIR:-/tmp}/interimap-precompile.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Deno stores what it has compiled when it first waits for something, so it needs a run that does: for these tunnels.
for side in local remote; do
  printf '[%s]\ntype = tunnel\ncommand = false\n' "$side"
done >"$work/config"

# Other users read it too.
umask 022
rm -rf "$folder"
mkdir -p "$folder"
# The first run compiles what it uses; only when it finds the folder filled the program is compiled as a whole.
for _ in 1 2; do
  DENO_DIR=$folder XDG_DATA_HOME=$work "$program" --quiet --config="$work/config" >"$work/log" 2>&1 </dev/null || true
done
if ! grep -q ": ERROR: Tunnel command 'false' exited" "$work/log" || ! [ -s "$folder/v8_code_cache_v2" ]; then
  cat "$work/log" >&2
  echo "scripts/precompile.sh: $program could not be run, or has left nothing in $folder" >&2
  exit 1
fi
