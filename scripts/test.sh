#!/bin/sh
# Runs the stages that are named, or all of them, each also when one before it failed:
#   scripts/test.sh [fetch|format|lint|types|rules|unit|walks|crashes|fuzz|build|live]...
# Shows the time that each took and ends with the line `N passed, M failed`, or `N passed, M failed, K skipped`: the tests
# (of the stages walks, crashes and fuzz: the walks, interruptions and inputs), and one failure for every stage that failed
# otherwise. INTERIMAP_TEST_LIVE=no leaves the tests against real servers out.
set -u

cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/interimap-test.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

passed=0
failed=0
skipped=0

deno() {
  sh scripts/deno.sh "$@"
}

# Reads a number off deno's closing line, such as `ok | 12 passed | 0 failed | 1 ignored (3s)`.
counted() {
  sed -n "s/^\\(ok\\|FAILED\\) |.* \\([0-9]*\\) $1.*/\\2/p" "$work/log" | tail -n 1
}

# Sums up the lines `cases: N passed, M failed` that tests printed, by the place of the number.
cases() {
  awk -v at="$1" '/^cases: / { sum += $at } END { print sum + 0 }' "$work/log"
}

# Runs `deno test` with the arguments that follow $1, adds what it counted, and fails when it failed or ran no test.
# With "quiet" as $1 only what went wrong is shown; with "cases" the cases that the tests tried are counted, not the tests.
run_tests() {
  how=$1
  shift
  mkdir -p "$work/tmp"
  {
    # These change which servers' certificates are trusted, and the tests bring their own.
    unset NODE_EXTRA_CA_CERTS SSL_CERT_FILE SSL_CERT_DIR DENO_CERT DENO_TLS_CA_STORE
    NO_COLOR=1 TMPDIR=$work/tmp deno test --no-check --cached-only --frozen "$@" 2>&1 </dev/null
    echo $? >"$work/status"
  } | if [ "$how" = quiet ]; then cat >"$work/log"; else tee "$work/log"; fi
  if [ "$how" = quiet ] && [ "$(cat "$work/status")" != 0 ]; then
    grep -v ' \.\.\. ok (' "$work/log"
  fi
  if [ "$how" = cases ]; then
    ran=$(cases 2)
    broken=$(cases 4)
    left=0
  else
    ran=$(counted passed)
    [ -n "$ran" ] || return 1
    broken=$(counted failed)
    left=$(counted ignored)
  fi
  passed=$((passed + ran))
  failed=$((failed + broken))
  skipped=$((skipped + ${left:-0}))
  echo "$ran passed, $broken failed"
  [ "$(cat "$work/status")" = 0 ] && [ "$ran" != 0 ]
}

stage_fetch() {
  DENO_TLS_CA_STORE=${DENO_TLS_CA_STORE-mozilla,system} deno install --quiet --frozen
}

stage_format() {
  deno fmt --check
}

stage_lint() {
  deno lint
}

stage_types() {
  deno check --quiet --cached-only --frozen
}

stage_rules() {
  run_tests quiet --allow-read tests/architecture_test.ts tests/lint_plugin_test.ts tests/mutants
}

stage_unit() {
  DENO_JOBS=2 run_tests quiet --parallel --allow-read --allow-write="$work/tmp" --allow-env --allow-run \
    --allow-net=127.0.0.1,localhost,'[::1]',no-such-host.invalid \
    --ignore=tests/live,tests/model/against_dovecot_test.ts,tests/architecture_test.ts,tests/lint_plugin_test.ts,tests/mutants tests
}

# Not part of `make test`, which has shorter ones among its unit tests.
stage_walks() {
  run_tests cases --allow-all tests/walks
}

stage_crashes() {
  run_tests cases --allow-all tests/model/crash_test.ts tests/model/crash_pairs_test.ts tests/model/every_byte_test.ts
}

stage_fuzz() {
  echo "seed $FUZZ_SEED"
  run_tests cases --allow-read --allow-write="$work/tmp" --allow-env tests/fuzz
}

stage_build() {
  sh scripts/build.sh
}

stage_live() {
  if [ "${INTERIMAP_TEST_LIVE-}" = no ]; then
    echo "Left out: INTERIMAP_TEST_LIVE=no"
    return
  fi
  sh scripts/packages.sh dovecot-imapd interimap isync time openssl util-linux microsocks dante-server || return 1
  sh scripts/cyrus.sh || return 1
  # What takes longest begins first, or the last file would run alone for minutes.
  first=
  for name in walks tls_options differential tls_original memory watch interrupted cyrus random_rounds adopt; do
    first="$first tests/live/${name}_test.ts"
  done
  # Half of the time is waiting: three at a time keep two processors busy.
  # shellcheck disable=SC2086
  DENO_JOBS=3 run_tests loud --parallel --allow-all $first tests/live tests/model/against_dovecot_test.ts
}

now() {
  date +%s%3N
}

run_stage() {
  echo "--- $1"
  start=$(now)
  before=$failed
  word=ok
  if ! "stage_$1"; then
    word=FAILED
    [ "$failed" != "$before" ] || failed=$((failed + 1))
  fi
  time=$(($(now) - start))
  printf '%-7s %5d.%d s  %s\n' "$1" $((time / 1000)) $((time % 1000 / 100)) "$word" >>"$work/summary"
}

[ $# != 0 ] || set -- fetch format lint types rules unit build live
for stage; do
  run_stage "$stage"
done
echo "---"
cat "$work/summary"
if [ "$skipped" = 0 ]; then
  echo "$passed passed, $failed failed"
else
  echo "$passed passed, $failed failed, $skipped skipped"
fi
[ "$failed" = 0 ]
