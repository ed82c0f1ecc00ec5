#!/bin/bash
# Builds the disk, kernel and initial ramdisk of the VM test host into a directory.
#
#  image.sh DIRECTORY
#
# Works as root and, with mmdebstrap's unshare mode and newuidmap, as an ordinary user.
# Exit code 77: the Debian mirror does not answer, nothing was built.
set -euo pipefail

out=$1
here=$(cd "$(dirname "$0")" && pwd)
suite=${RC_VM_SUITE:-bookworm}
mirror=${RC_VM_MIRROR:-http://deb.debian.org/debian}
kernel=linux-image-cloud-amd64

packages=(
  # a login session with a user manager
  systemd systemd-sysv udev dbus dbus-user-session libpam-systemd login
  # what rc's README asks a user to install
  uidmap fuse-overlayfs slirp4netns passt nftables
  # what the tests look with
  busybox-static iproute2 procps kmod util-linux strace libcap2-bin
)

say() { printf 'vm image: %s\n' "$*"; }

# The tests of a machine without network have nothing to wait for: one short question first.
reachable() {
  local rest=${mirror#*://} host port
  host=${rest%%/*}
  port=${host##*:}
  [ "$port" != "$host" ] || port=80
  timeout 10 bash -c "exec 3<>/dev/tcp/${host%%:*}/$port" 2>/dev/null
}

if ! reachable; then
  say "no answer from $mirror within 10 s"
  exit 77
fi

work=$(mktemp -d "${TMPDIR:-/var/tmp}/rc-vm-image.XXXXXX")
# Files of subordinate ids can only be deleted by the map that made them.
inmap() {
  if [ "$(id -u)" = 0 ]; then "$@"; else unshare --map-auto --map-root-user "$@"; fi
}
trap 'inmap rm -rf "$work"' EXIT

say "mmdebstrap $suite, $(printf '%s ' "${packages[@]}" "$kernel")"
# The kernel is unpacked, not installed: its postinst would make a 30 MB initrd of which the VM
# needs five modules.
cat >"$work/kernel" <<'HOOK'
#!/bin/sh
set -eu
cd "$1/tmp"
image=$(chroot "$1" apt-cache depends --important "$KERNEL" | sed -n 's/^ *Depends: //p' | grep '^linux-image')
chroot "$1" sh -c "cd /tmp && apt-get -q -o APT::Sandbox::User=root download $image"
chroot "$1" sh -c "dpkg-deb -x /tmp/$image*.deb /tmp/kernel"
mkdir -p "$1/usr/lib/modules"
mv kernel/lib/modules/* "$1/usr/lib/modules/"
mv kernel/boot/vmlinuz-* "$1/boot/vmlinuz"
rm -rf kernel ./*.deb
chroot "$1" depmod "$(ls "$1/usr/lib/modules")"
HOOK
chmod +x "$work/kernel"
export KERNEL=$kernel
mmdebstrap --quiet --variant=minbase --format=tar \
  --aptopt='Acquire::Languages "none"' \
  --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt=force-unsafe-io \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --include="$(IFS=,; echo "${packages[*]}")" \
  --customize-hook="$work/kernel" \
  "$suite" "$work/root.tar" "$mirror" </dev/null

say "disk, kernel, initial ramdisk"
mkdir -p "$out"
inmap bash "$here/disk.sh" "$work" "$out"
