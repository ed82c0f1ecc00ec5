#!/usr/bin/env bash
# make demo: set up, build, and run a container as an ordinary user; DRY=1 says what it would do.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../setup/root.sh"
cd "$repository"

test/setup/setup.sh demo
user=$(container_user)
if [ -n "${DRY:-}" ]; then
  echo "then: make build; rc run --rm alpine as $user (nothing was changed)"
  exit
fi
make --silent build

# What the user needs, where he can read it: the checkout may be in root's home.
stage=$(mktemp -d "${TMPDIR:-/var/tmp}/rc-demo.XXXXXX")
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
cp -r bin "$stage/bin"
cp "$here/main-job.sh" "$here/inside.sh" "$stage/"
if [ -n "${RC_DEMO_ROOTFS:-}" ]; then cp "$RC_DEMO_ROOTFS" "$stage/rootfs"; fi
go run -tags containers_image_openpgp ./test/busybox/tar >"$stage/busybox.tar"

# A user manager where there is one to start: Alpine, for one, has none.
manager=()
if [ ! -x /lib/systemd/systemd ] && [ ! -x /usr/lib/systemd/systemd ]; then manager=(--no-manager); fi
if [ "$(id -u)" = 0 ]; then
  test/host/run.sh "${manager[@]}" "$user" "$stage/main-job.sh"
elif ! awk '$5 == "/" { found = 1 } END { exit !found }' /proc/self/mountinfo && can_root; then
  # A chroot: the kernel makes no user namespaces in one, the test host leaves it.
  as_root "$repository/test/host/run.sh" "${manager[@]}" "$user" "$stage/main-job.sh"
else
  "$stage/main-job.sh"
fi
