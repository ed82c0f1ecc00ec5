#!/usr/bin/env bash
# run.sh [go test flags]: the end-to-end scripts. Called as root: as a test user on test host (1), once with
# a user manager, for what differs once without, and on hosts that lack something (test/host/run.sh --change).
# Called as a user: as you, where you are.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/setup/root.sh

stage=$(mktemp -d "${TMPDIR:-/var/tmp}/rc-e2e-bin.XXXXXX")
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
CGO_ENABLED=0 go test -tags containers_image_openpgp,exclude_graphdriver_btrfs -c -o "$stage/e2e.test" ./test/e2e
cp -r bin test/e2e/testdata test/again.sh "$stage/"
export RC_HOST_DIR=$stage
flags=(-test.parallel 4 -test.timeout 15m "${@/#-run/-test.run}")

if [ "$(id -u)" != 0 ]; then
  cd "$stage"
  ./again.sh ./e2e.test "${flags[@]}"
  exit
fi
user=$(container_user)
code=0
echo "== end to end as $user, with a user manager"
# This host has no controllers for limits where cgroup v1 holds them: the VM has.
RC_E2E_WITHOUT="cgroup ${RC_E2E_WITHOUT:-}" test/host/run.sh "$user" ./again.sh ./e2e.test "${flags[@]}" || code=1
echo "== end to end as $user, without: as under su and cron"
RC_E2E_WITHOUT="cgroup systemd ${RC_E2E_WITHOUT:-}" \
  test/host/run.sh --no-manager "$user" ./again.sh ./e2e.test "${flags[@]}" -test.run 'TestScripts/^(run|run-stdin|run-process|run-mounts|userns|volume|nomanager|rm|images|doctor|build-run-host)$' || code=1
# changed NAME CHANGE USER [manager]: the scripts in testdata/changed/NAME, one after the other, for they may share a
# small disk; with a user manager where that is said.
changed() {
  echo "== end to end as $3, where there is: $2"
  local options=(--no-manager) without="cgroup systemd"
  [ "${4:-}" != manager ] || options=() without=cgroup
  RC_E2E_CHANGED=$1 RC_E2E_WITHOUT="$without ${RC_E2E_WITHOUT:-}" \
    test/host/run.sh "${options[@]}" --change "$2" "$3" ./again.sh ./e2e.test "${flags[@]}" -test.parallel 1 -test.run '^TestChanged$' || code=1
}
# With -run, only where that may mean them.
case "$*" in *-run*) [[ $* == *TestChanged* ]] || exit "$code" ;; esac
for change in no-systemd no-subids few-subids odd-subids plain-newuidmap no-newuidmap \
  no-helpers no-fuse no-tun shut-devices no-network no-cgroup2 small-disk few-inodes plain-disk locked-disk; do changed "$change" "$change" "$user"; done
changed journal journal "$user" manager
changed root no-subids root
changed root-subids root-subids root
# Two of them at the same time, who meet in a directory.
export RC_E2E_MEET=$stage/meet
install -d -m 1777 "$RC_E2E_MEET"
(changed two-users root-subids root; exit "$code") & other=$!
changed two-users none "$user"
wait "$other" || code=1
exit "$code"
