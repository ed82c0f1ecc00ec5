#!/bin/sh
# again.sh PROGRAM [FLAG…]: runs a test binary. With RC_TEST_AGAIN=1, as CI sets it, up to three tests that failed run once
# more, each by itself: what passes then is told as flaky and does not fail the run, for a busy machine of two processors is
# no reason to refuse a change. A panic, a data race and a time limit are. Exit code: that of the program, or 0.
set -u
[ "${RC_TEST_AGAIN:-}" = 1 ] || exec "$@"

log=$(mktemp "${TMPDIR:-/tmp}/rc-again.XXXXXX") || exit
trap 'rm -f "$log" "$log.code"' EXIT
{
  "$@" 2>&1
  echo $? >"$log.code"
} | tee "$log"
code=$(cat "$log.code")
[ "$code" != 0 ] || exit 0
if grep -qE '^panic: |^(==================|WARNING: DATA RACE)$' "$log"; then exit "$code"; fi

# Those that hold others failed by them.
failed=$(sed -n 's/^ *--- FAIL: \([^ ]*\) (.*/\1/p' "$log" | sort -u | awk '
  { name[NR] = $1; parent = $1; while (sub("/[^/]*$", "", parent)) holds[parent] = 1 }
  END { for (i = 1; i <= NR; i++) if (!(name[i] in holds)) print name[i] }')
if echo "$failed" | grep -qv / || [ "$(echo "$failed" | grep -c .)" -gt 3 ]; then exit "$code"; fi
for name in $failed; do
  echo "== again: $name"
  "$@" -test.run "^$(echo "$name" | sed 's|/|$/^|g')\$" || exit
  echo "== flaky: $name"
done
