#!/bin/bash
# The second half of image.sh: makes disk.img, vmlinuz and initrd of a root filesystem's tar.
#
#  disk.sh WORK OUT      (WORK/root.tar; in a map with 65536 ids)
set -euo pipefail

work=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$work/root
mkdir "$root"
# Device nodes come from devtmpfs; an ordinary user could not make them.
tar -C "$root" -xf "$work/root.tar" --exclude='./dev/*'
rm "$work/root.tar"

# The test user: a subordinate range that starts where useradd's own would.
chroot "$root" useradd --create-home --shell /bin/bash rcvm
chroot "$root" passwd -q -d root
mkdir -p "$root/var/lib/systemd/linger"
: >"$root/var/lib/systemd/linger/rcvm"

echo rc-vm >"$root/etc/hostname"
echo '127.0.0.1 localhost rc-vm' >"$root/etc/hosts"
rm -f "$root/etc/resolv.conf"
: >"$root/etc/machine-id"
printf '/dev/vda / ext4 noatime 0 1\n' >"$root/etc/fstab"
install -Dm755 "$here/guest/start" "$root/usr/local/sbin/rc-test-start"
install -Dm644 "$here/guest/rc-test.service" "$root/etc/systemd/system/rc-test.service"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../rc-test.service "$root/etc/systemd/system/multi-user.target.wants/rc-test.service"
# What a test host never needs and an emulated processor pays for at each boot.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  e2scrub_reap.service fstrim.timer getty@tty1.service systemd-pstore.service systemd-timesyncd.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# The initial ramdisk: busybox, the modules that the root disk needs, one script.
version=$(ls "$root/usr/lib/modules")
ramdisk=$root/ramdisk
mkdir -p "$ramdisk"/{bin,modules,proc,sys,dev,root}
cp "$root/bin/busybox" "$ramdisk/bin/busybox"
number=100
for module in virtio_pci virtio_blk virtio_console ext4; do
  while read -r _ file _; do
    [ -f "$ramdisk/modules/done-${file##*/}" ] && continue
    : >"$ramdisk/modules/done-${file##*/}"
    cp "$root/${file#/}" "$ramdisk/modules/$number-${file##*/}"
    number=$((number + 1))
  done < <(chroot "$root" modprobe --show-depends -S "$version" "$module" | grep '^insmod ')
done
rm -f "$ramdisk"/modules/done-*
install -m755 "$here/guest/init" "$ramdisk/init"
chroot "$root" busybox sh -c 'cd /ramdisk && find . | busybox cpio -o -H newc' >"$out/initrd" 2>/dev/null
rm -r "$ramdisk"
mv "$root/boot/vmlinuz" "$out/vmlinuz"

size=$(du -sm "$root" | cut -f1)
rm -f "$out/disk.img"
# Room for images and containers; the file is sparse.
mke2fs -q -t ext4 -d "$root" -L rc-vm -m 0 -E lazy_itable_init=1,lazy_journal_init=1 "$out/disk.img" "$((size + 3072))M"
