#!/usr/bin/env bash
# Unit and rootless tests. As you: with the race detector where a package has goroutines.
# Called as root, once more as an ordinary user on test host (1): rootless code behaves differently.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/setup/root.sh
tags=containers_image_openpgp,exclude_graphdriver_btrfs

# End-to-end and VM tests have runners of their own.
mapfile -t all < <(go list -tags "$tags" ./... | grep -v -E '/test/(e2e|vm|bench)(/|$)')
mapfile -t concurrent < <(go list -tags "$tags" -f '{{range .GoFiles}}{{$.Dir}}/{{.}} {{$.ImportPath}}
{{end}}{{range .TestGoFiles}}{{$.Dir}}/{{.}} {{$.ImportPath}}
{{end}}' "${all[@]}" | while read -r file package; do
  if [ -n "$file" ] && grep -q -E '\bgo (func|[a-z])|errgroup|sync\.' "$file"; then echo "$package"; fi
done | sort -u)

# What only an ordinary user can test is skipped by root, and the other way round: skips
# count as failures in the second pass, or in the only one.
if [ "$(id -u)" = 0 ]; then strict=; else strict=${RC_TEST_NO_SKIP:-}; fi

# What is no Go has tests, too.
test/setup/packages_test.sh

# tested FLAG… -- PACKAGE…: go test. As in test/again.sh, up to two packages that failed have a second chance in CI.
tested() {
  local flags=() log failed
  while [ "$1" != -- ]; do flags+=("$1"); shift; done
  log=$(mktemp)
  if go test -tags "$tags" "${flags[@]}" "${@:2}" 2>&1 | tee "$log"; then rm "$log"; return; fi
  mapfile -t failed < <(awk '$1 == "FAIL" && $2 ~ "/" { print $2 }' "$log")
  if [ -z "${RC_TEST_AGAIN:-}" ] || [ "${#failed[@]}" = 0 ] || [ "${#failed[@]}" -gt 2 ] ||
    grep -qE '^panic: |DATA RACE|(build|setup) failed' "$log"; then rm "$log"; return 1; fi
  rm "$log"
  echo "== again: ${failed[*]}"
  go test -tags "$tags" "${flags[@]}" -count 1 "${failed[@]}" || return
  echo "== flaky: ${failed[*]}"
}

# Every pass is run to its end before the exit code says what came of them.
code=0
echo "== unit tests as $(id -un)"
if command -v gcc >/dev/null; then
  mapfile -t quiet < <(printf '%s\n' "${all[@]}" | grep -vxF -f <(printf '%s\n' "${concurrent[@]}" none))
  # Each process with the race detector waits a second at its end for late reports, and tests start thousands.
  GORACE=atexit_sleep_ms=20 RC_TEST_NO_SKIP=$strict CGO_ENABLED=1 tested -race -- "${concurrent[@]}" || code=1
else
  echo "no gcc: no race detector" >&2
  quiet=("${all[@]}")
fi
RC_TEST_NO_SKIP=$strict CGO_ENABLED=0 tested -- "${quiet[@]}" || code=1

[ "$(id -u)" = 0 ] || exit "$code"
user=$(container_user)
echo "== unit tests as $user"
# The checkout may be where the user cannot read.
tree=$(mktemp -d /var/tmp/rc-unit.XXXXXX)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$tree" 2>/dev/null || true
chown -R "$user:" "$tree"
# What needs the go command ran above: packages below test/ are not taken along.
mapfile -t owned < <(printf '%s\n' "${all[@]}" | grep -v /test/)
# Controllers that cgroup v1 holds cannot limit anything on test host (1).
skip=()
if grep -q -E '[:,]memory[:,]' /proc/self/cgroup; then
  echo "left to the VM, since cgroup v1 has the controllers here: TestLiveLimit"
  skip=(-skip '^TestLiveLimit$')
fi
RC_UNIT_TREE=$tree RC_UNIT_USER=$user CGO_ENABLED=0 \
  tested -count 1 -p 2 "${skip[@]}" -exec "$PWD/test/setup/exec-as-user.sh" -- "${owned[@]}" || code=1
exit "$code"
