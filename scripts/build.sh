#!/bin/sh
# Builds the program:
#   scripts/build.sh              build/interimap, one executable file that needs Deno
#   scripts/build.sh standalone   build/interimap-standalone, the same with Deno's runtime inside (deno compile)
set -eu

cd "$(dirname "$0")/.."

# What the program may do. Hosts and paths come from its configuration file, so only the kinds can be given here:
# run is for type=tunnel, env for finding its files, the tunnel's command and the certificates. No sys, no ffi, no import.
environment=HOME,PATH,XDG_CONFIG_HOME,XDG_DATA_HOME,SSL_CERT_FILE,SSL_CERT_DIR,DENO_DIR
permissions="--no-prompt --allow-net --allow-read --allow-write --allow-run --allow-env=$environment"

fail() {
  echo "scripts/build.sh: $1" >&2
  exit 1
}

deno() {
  sh scripts/deno.sh "$@"
}

# The bundler is esbuild, which Deno fetches from npm; for that the system's certificates count as well as Deno's own.
bundle() {
  DENO_TLS_CA_STORE=${DENO_TLS_CA_STORE-mozilla,system} deno bundle --quiet "$@"
}

# Prints a function that loads npm:socks, with all that it needs inside, packed: this adds 0.1 ms to every start. As
# code it would add 4 ms, and 20 ms with the import of node:module that the bundler puts before CommonJS.
print_socks() {
  bundle --minify --output build/socks.js "$(sed -n 's/^ *"socks": "\(npm:socks@[^"]*\)".*/\1/p' deno.json)"
  sed -e 's/^import{createRequire as [^}]*} from "node:module";//' \
    -e 's/__deno_internal_createRequire(import\.meta\.url)/process.getBuiltinModule/' \
    -e 's/export default \([A-Za-z0-9_$]*()\);/export const {SocksClient}=\1;/' build/socks.js >build/socks.mjs
  if ! grep -q 'export const {SocksClient}=' build/socks.mjs || grep -q createRequire build/socks.mjs; then
    fail "the bundler words its output in another way than print_socks() knows"
  fi
  cat <<END
async function importSocks() {
  const packed = new Blob([Uint8Array.fromBase64("$(gzip -9n <build/socks.mjs | base64 | tr -d '\n')")]);
  const code = await new Response(packed.stream().pipeThrough(new DecompressionStream("gzip"))).text();
  return await import(\`data:text/javascript,\${encodeURIComponent(code)}\`);
}
END
}

# Puts main.ts and all that it imports into build/interimap.js. Short names and no spaces: where nothing is cached Deno
# reads and compiles it all, and that takes a sixth less of such a start. scripts/stack.ts finds places in the sources.
# No column may move behind the bundler, which knows of none but its own: hence the spaces.
bundle_program() {
  mkdir -p build
  bundle --minify --sourcemap external --external socks --output build/main.js main.ts
  grep -q 'import("socks")' build/main.js || fail "npm:socks is not imported in the way that is expected"
  print_socks >build/interimap.js
  sed 's/import("socks")/importSocks()  /' build/main.js >>build/interimap.js
}

# V8 lets its young generation grow to 16 MB three times over when messages come in bursts; 4 MB costs no time. And it
# collects the old one only when that is twice as large as after the last time: what many messages have left behind
# piles up there (60,000: 10 MB more). A third costs no time either. But the first time comes at 24 MB: 10,000 messages
# each way have one such collection, and not two or three, each of which can stop everything for 50 ms. With 32 they
# have none, but a million messages then keep more than 32 octets each.
heap=--v8-flags=--max-semi-space-size=4,--heap-growing-percent=30,--initial-heap-size=24

# $1 as one word of sh.
quoted() {
  printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

# The head makes build/interimap a program in two languages. Each of its lines is for sh the command `:` and then what
# follows the semicolon, and for JavaScript the string ":" and a comment. sh finds Deno and gives it this same file.
# Where the Deno that built the program is stands in it, for PATH may be short (cron) or without Deno (.tools/).
# Deno keeps what V8 has compiled when the program was loaded. If all of it was, nothing is compiled while the program runs:
# a sixth or more of the CPU of a short run. Without that cache it would cost 30 ms. The program comes compiled, in the
# folder `compiled`, which counts where the program was built for, and which its tunnels are not told of.
# Of glibc's arenas for each thread only one is wanted: they keep 10 MB that nobody uses, and save no time here.
print_head() {
  minimum=$(deno --minimum)
  built_by=$(deno --path)
  case $built_by in
    "$PWD/.tools/"*) places="$(quoted "$built_by") deno" ;;
    *) places="deno $(quoted "$built_by")" ;;
  esac
  cat <<END
#!/bin/sh
":" //; export DENO_NO_UPDATE_CHECK=1 MALLOC_ARENA_MAX="\${MALLOC_ARENA_MAX-1}"
":" //; built=$(quoted "$PWD/build/interimap") compiled=$(quoted "$PWD/build/interimap.compiled")
":" //; program=\$0; if [ -z "\${DENO_DIR-}" ] && [ "\$0" -ef "\$built" ] && [ -r "\$compiled/v8_code_cache_v2" ]; then program=\$built; export DENO_DIR="\$compiled"; fi
":" //; set -- $permissions "\$program" "\$@"
":" //; eager=; [ ! -e "\${DENO_DIR:-\${XDG_CACHE_HOME:-\$HOME/.cache}/deno}/v8_code_cache_v2" ] || eager=,--no-lazy
":" //; set -- run --quiet --ext=mjs $heap\$eager --no-config --no-lock --no-remote --no-npm "\$@"
":" //; for deno in $places; do command -v "\$deno" >/dev/null 2>&1 && exec "\$deno" "\$@"; done
":" //; echo "interimap: Deno was not found; put deno $minimum or newer (2.x) on PATH" >&2; exit 1
{
  const [major, minor, patch] = Deno.version.deno.split(".").map((part) => Number.parseInt(part, 10));
  const [wantedMajor, wantedMinor, wantedPatch] = [$(echo "$minimum" | sed 's/\./, /g')];
  if (major !== wantedMajor || minor < wantedMinor || (minor === wantedMinor && patch < wantedPatch)) {
    console.error(\`interimap: Deno \${Deno.version.deno} was found; put deno $minimum or newer (2.x) on PATH\`);
    Deno.exit(1);
  }
  if (Deno.env.get("DENO_DIR")?.endsWith("/interimap.compiled")) Deno.env.delete("DENO_DIR");
}
END
}

build_program() {
  bundle_program
  { print_head && cat build/interimap.js; } >build/interimap.new
  chmod 755 build/interimap.new
  mv build/interimap.new build/interimap
  sh scripts/precompile.sh "$PWD/build/interimap" "$PWD/build/interimap.compiled" || {
    rm build/interimap
    exit 1
  }
}

# A compiled program would keep its code cache under a name in the temporary folder that anybody can guess: none, then.
build_standalone() {
  bundle_program
  log=$(mktemp)
  # shellcheck disable=SC2086
  if deno compile --no-config --no-lock --no-code-cache $heap $permissions \
    --output build/interimap-standalone build/interimap.js >"$log" 2>&1; then
    rm -f "$log"
    return
  fi
  grep -qi denort "$log" || cat "$log" >&2
  rm -f "$log"
  fail "deno compile needs Deno's runtime base, which could not be had: let it download it, or name one by DENORT_BIN"
}

case ${1-} in
  '') build_program ;;
  standalone) build_standalone ;;
  *) fail "usage: scripts/build.sh [standalone]" ;;
esac
