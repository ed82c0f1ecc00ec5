#!/bin/sh
# again.sh PROGRAM [FLAG…]: runs a test binary. With RC_TEST_AGAIN=1, as CI sets it, up to three tests that failed run once
# more, each by itself: what passes then is told as flaky and does not fail the run, for a busy machine of two processors is
# no reason to refuse a change. A panic, a data race and a time limit are. Exit code: that of the program, or 0.
set -u
[ "${RC_TEST_AGAIN:-}" = 1 ] || exec "$@"

# run PROGRAM [FLAG…]: prints and keeps what it prints, and sets $code.
run() {
  {
    "$@" 2>&1
    echo $? >"$log.code"
  } | tee "$log"
  code=$(cat "$log.code")
}

log=$(mktemp "${TMPDIR:-/tmp}/rc-again.XXXXXX") || exit
trap 'rm -f "$log" "$log.code"' EXIT
run "$@"
[ "$code" != 0 ] || exit 0
if grep -qE '^panic: |^(==================|WARNING: DATA RACE)$' "$log"; then exit "$code"; fi
# What scripts left on the machine is a failure of the test that holds them, which running one of them again cannot mend.
if grep -qE '_test\.go:[0-9]+: (cgroup left behind: |remove ")' "$log"; then exit "$code"; fi

# Else those that hold others failed by them.
failed=$(sed -n 's/^ *--- FAIL: \([^ ]*\) (.*/\1/p' "$log" | sort -u | awk '
  { name[NR] = $1; parent = $1; while (sub("/[^/]*$", "", parent)) holds[parent] = 1 }
  END { for (i = 1; i <= NR; i++) if (!(name[i] in holds)) print name[i] }')
if echo "$failed" | grep -qv / || [ "$(echo "$failed" | grep -c .)" -gt 3 ]; then exit "$code"; fi
for name in $failed; do
  echo "== again: $name"
  run "$@" -test.run "^$(echo "$name" | sed 's|/|$/^|g')\$"
  [ "$code" = 0 ] || exit "$code"
  if grep -q 'no tests to run' "$log"; then exit 1; fi
  echo "== flaky: $name"
done
