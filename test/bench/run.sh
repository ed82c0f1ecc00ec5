#!/usr/bin/env bash
# Compares rc with crun, runc, bubblewrap, unshare and podman on this machine: Markdown on standard output.
#
#   run.sh [FLAG…]       flags of the benchmark itself: -runs 50, -only TABLE, -idle 50, -many 100, -cycles 1000
#
# On Debian the peers are installed, and one that is missing is an error; elsewhere it is
# skipped by name. Called as root it runs as the test user in a login session on test/host;
# else as you, in the session that you are in. BENCH_STRICT=1: exit 1 where a limit is missed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
case "${1:-}" in -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit ;; esac

# shellcheck source=../setup/root.sh disable=SC1091
. "$here/../setup/root.sh"

if command -v dpkg-query >/dev/null; then
  "$here/../setup/setup.sh" demo >&2
  "$here/../setup/setup.sh" bench >&2
  missing=()
  for peer in crun runc bwrap unshare podman; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$peer" >/dev/null || missing+=("$peer")
  done
  if ((${#missing[@]})); then
    echo "bench: cannot install ${missing[*]}" >&2
    exit 1
  fi
fi

user=$(container_user)
work=$(mktemp -d "${TMPDIR:-/tmp}/rc-bench.XXXXXX")
# The containers' files belong to subordinate ids: only root, or the user's own map, can delete them.
finish() {
  if [ "$(id -u)" = 0 ]; then rm -rf "$work"; else unshare --map-auto --map-root-user rm -rf "$work"; fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir "$work/bin" "$work/scratch"
(cd "$repository" && CGO_ENABLED=0 "${GO:-go}" build -o "$work/bench" ./test/bench)
bin=${RC_BENCH_BIN:-$repository/bin}
[ ! -d "$bin" ] || find "$bin" -maxdepth 1 -type f -exec cp {} "$work/bin/" \;
flags=(-dir "$work/scratch" -bin "$work/bin")
for archive in "${RC_DEMO_ROOTFS:-}" "$repository"/../shared/images/alpine-minirootfs-*.tar.gz; do
  if [ -f "$archive" ]; then
    cp "$archive" "$work/rootfs.tar.gz"
    flags+=(-rootfs "$work/rootfs.tar.gz")
    break
  fi
done
[ "${BENCH_STRICT:-}" != 1 ] || flags+=(-strict)

{
  echo "## rc against its peers"
  echo
  echo "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, Linux $(uname -r);" \
    "$(crun --version 2>/dev/null | head -n 1), runc $(runc --version 2>/dev/null | sed -n '1s/.* //p')," \
    "$(bwrap --version 2>/dev/null), $(podman --version 2>/dev/null), $(unshare --version 2>/dev/null)," \
    "rc $(git -C "$repository" describe --tags --always --dirty 2>/dev/null || echo unknown)." \
    "Repeat with \`make bench\`."
  echo
}

if [ "$(id -u)" = 0 ]; then
  chmod 755 "$work"
  chown "$user:" "$work/scratch"
  "$here/../host/run.sh" "$user" "$work/bench" "${flags[@]}" "$@"
else
  "$work/bench" "${flags[@]}" "$@"
fi
