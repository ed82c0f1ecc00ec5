#!/usr/bin/env bash
# clean-room.sh [--user] [COMMAND…]: try the project on a bare Debian 12, as root (or, with --user, as a
# user who has sudo): a minimal chroot with make, git and Go and nothing else, a fresh clone of HEAD in it,
# and there COMMAND (make demo). As root; needs mmdebstrap. The chroot is kept between runs as a tarball.
#
# The module cache and Go are lent by this machine; packages come from where this machine gets them.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/setup/root.sh
[ "$(id -u)" = 0 ] || { echo "clean-room.sh: must be root" >&2; exit 1; }

as=root
if [ "${1:-}" = --user ]; then as=dev; shift; fi
[ $# -gt 0 ] || set -- make demo
packages=make,git,ca-certificates
if [ "$as" != root ]; then packages+=,sudo; fi

cache=${RC_ROOM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rc-clean-room}
mkdir -p "$cache"
base=$cache/$as.tar
if [ ! -s "$base" ]; then
  sources=/etc/apt/sources.list.d/debian.sources
  [ -s "$sources" ] || sources=/etc/apt/sources.list
  mmdebstrap --quiet --variant=minbase --include="$packages" bookworm "$cache/new.tar" - <"$sources"
  mv "$cache/new.tar" "$base"
fi

room=$(mktemp -d /var/tmp/rc-room.XXXXXX)
# Everything below is mounted in a namespace of its own: only files are left to remove.
trap 'rm -rf --one-file-system "$room"' EXIT
tar -C "$room" --exclude='./dev/*' -xf "$base"
cp -L /etc/resolv.conf "$room/etc/"
cp /etc/apt/apt.conf.d/* "$room/etc/apt/apt.conf.d/" 2>/dev/null || true
if [ "$as" = root ]; then home=/root; else
  home=/home/dev
  chroot "$room" useradd --create-home --shell /bin/bash dev
  echo 'dev ALL=(ALL) NOPASSWD: ALL' >"$room/etc/sudoers.d/dev"
fi
git clone --quiet --no-hardlinks . "$room$home/rc"
mkdir -p "$room/usr/local/go" "$room$home/go/pkg/mod" "$room$home/.cache/go-build"
chroot "$room" chown -R "$as:" "$home"

# shellcheck disable=SC2016 # expanded by the inner shell
unshare --mount --propagation private --pid --fork --kill-child --mount-proc bash -euc '
  room=$1 home=$2 as=$3 modules=$4 builds=$5
  shift 5
  mount -t proc proc "$room/proc"
  mount -t sysfs -o ro sysfs "$room/sys"
  mount -t tmpfs -o mode=755 dev "$room/dev"
  for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    IFS=: read -r name major minor <<<"$node"
    mknod -m 666 "$room/dev/$name" c "$major" "$minor"
  done
  mkdir "$room/dev/pts" "$room/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=666,gid=5,mode=620 devpts "$room/dev/pts"
  ln -s pts/ptmx "$room/dev/ptmx"
  ln -s /proc/self/fd "$room/dev/fd"
  mount -t tmpfs tmpfs "$room/dev/shm"
  mount -t tmpfs -o mode=755 tmpfs "$room/run"
  mkdir -m 1777 "$room/run/lock"
  mount --bind -o ro /usr/local/go "$room/usr/local/go"
  if [ "$as" = root ]; then
    mount --bind "$modules" "$room$home/go/pkg/mod"
    mount --bind "$builds" "$room$home/.cache/go-build"
  else
    # Written to by their owner only: an overlay whose upper layer is the user'"'"'s, with files he can read.
    mount -t tmpfs tmpfs "$room/mnt"
    mkdir "$room/mnt/upper" "$room/mnt/work"
    mount -t overlay -o "lowerdir=$modules,upperdir=$room/mnt/upper,workdir=$room/mnt/work" overlay "$room$home/go/pkg/mod"
    chroot "$room" chown dev: "$home/go/pkg/mod" "$home/go/pkg/mod/cache" "$home/go/pkg/mod/cache/lock"
  fi
  exec chroot "$room" su - "$as" -c "cd rc && PATH=\$PATH:/usr/local/go/bin && $*"
' room "$room" "$home" "$as" "$(go env GOMODCACHE)" "$(go env GOCACHE)" "$@" </dev/null
