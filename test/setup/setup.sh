#!/usr/bin/env bash
# What rc needs of a machine, checked piece by piece; only what is missing is done, and each
# root command is printed before it runs (DRY=1: printed only). Demo, test and CI all use it.
#
#   setup.sh demo    what `make demo` needs: packages, subordinate ids, devices, as root a test user
#   setup.sh test    the same, and what the tests need
#   setup.sh vm      what the VM tests need besides
#   setup.sh bench   the peers that the benchmark compares with
#   setup.sh undo    undo what was changed (packages are listed and left)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/root.sh"
. "$here/packages.sh"
. "$here/subids.sh"
. "$here/devices.sh"
. "$here/user.sh"
. "$here/undo.sh"

demo_packages=(uidmap fuse-overlayfs slirp4netns passt dbus-user-session systemd libpam-systemd
  util-linux iproute2 busybox-static)
# gcc: the race detector is C. docker-registry: a real registry on a loopback port.
# skopeo, podman, buildah: what rc writes they read, and the other way round. distrobox takes rc for
# podman. mmdebstrap: images of Debian. zsh, fish, bash-completion: tab keys are typed at them. rpm, rpm2cpio, cpio: what make dist made.
test_packages=("${demo_packages[@]}" gcc libc6-dev shellcheck docker-registry strace skopeo podman buildah
  distrobox passwd procps mmdebstrap bzip2 xz-utils zsh fish bash-completion rpm rpm2cpio cpio openssh-client)
vm_packages=(mmdebstrap qemu-system-x86 e2fsprogs openssh-client)
bench_packages=(crun runc podman bubblewrap docker-registry skopeo)

main() {
  case "${1:-}" in
    demo) tools make git go; packages "${demo_packages[@]}"; ground ;;
    test) tools make git go; packages "${test_packages[@]}"; ground ;;
    vm) packages "${vm_packages[@]}" ;;
    bench) packages "${bench_packages[@]}" ;;
    undo) undo ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  left_out
}

# ground prepares the user that containers will run as, and the two devices.
ground() {
  ensure_user "$(container_user)"
  ensure_subids "$(container_user)"
  ensure_device /dev/fuse 10 229 fuse
  ensure_device /dev/net/tun 10 200 tun
}

# tools stops with one line when the three things are missing that nothing here can install.
tools() {
  local tool missing=()
  for tool; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  ((${#missing[@]} == 0)) && return
  local how
  case $(package_manager) in
    apt) how='apt-get install make git' ;;
    dnf) how='dnf install make git-core' ;;
    pacman) how='pacman -S make git' ;;
    zypper) how='zypper install make git-core' ;;
    apk) how='apk add make git bash' ;;
    *) how='install make and git' ;;
  esac
  echo "missing: ${missing[*]} ($how; Go is a tarball for /usr/local/go, see https://go.dev/doc/install)" >&2
  exit 1
}

main "$@"
