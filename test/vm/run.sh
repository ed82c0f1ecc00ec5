#!/usr/bin/env bash
# Test host (2): a Debian machine under qemu, booted, rebooted at the end, and thrown away afterwards.
#
#   run.sh                      the VM's own tests and the end-to-end scripts
#   run.sh SCRIPT [FILE…]       run SCRIPT as root in the VM (in a directory that holds bin/ and
#                               the FILEs); for trying things
#
# Exit code 0: all passed; 1: not; 77: skipped, with the reason (no mirror, no qemu to be had).
# The disk is kept in RC_VM_CACHE (else $XDG_CACHE_HOME/rc-vm) under a hash of what it was made
# from. RC_VM_BIN is where the programs are (bin). RC_VM_TIMEOUT bounds the run (1800 s), RC_VM_ONLY=TEXT picks the parts whose
# name has it, RC_VM_ACCEL=kvm|tcg.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
say() { printf 'test-vm: %s\n' "$*"; }
skip() { say "skipped: $*"; exit 77; }

work=$(mktemp -d "${TMPDIR:-/var/tmp}/rc-vm.XXXXXX")
qemu='' watchdog='' printer=''
finish() {
  local pid
  for pid in $qemu $watchdog $printer; do kill -KILL "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# tools: what the host needs; installed where that is possible.
tools() {
  local command missing=0
  PATH=$PATH:/usr/sbin:/sbin
  for command in mmdebstrap qemu-system-x86_64 mke2fs; do command -v "$command" >/dev/null || missing=1; done
  [ "$missing" = 0 ] || "$here/../setup/setup.sh" vm || true
  for command in mmdebstrap qemu-system-x86_64 mke2fs; do
    command -v "$command" >/dev/null || skip "$command is missing and cannot be installed here"
  done
}

# image: sets $image to a directory with disk.img, vmlinuz and initrd.
image() {
  local cache=${RC_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rc-vm} key code=0
  key=$(cat "$here"/{image.sh,disk.sh} "$here"/guest/{init,start,rc-test.service} | sha256sum | cut -c1-16)
  image=$cache/$key
  mkdir -p "$cache"
  # Two runs at once build once.
  exec 8>"$cache/lock"
  flock 8
  if [ ! -e "$image/complete" ]; then
    say "building the machine's disk in $image"
    rm -rf "$image"
    timeout --foreground -k 10 1200 nice bash "$here/image.sh" "$image" >"$work/image.log" 2>&1 8>&- || code=$?
    case $code in
      0) : >"$image/complete" ;;
      77) skip "$(tail -n 1 "$work/image.log")" ;;
      *) tail -n 30 "$work/image.log" >&2; say "building the machine's disk: exit code $code" >&2; exit 1 ;;
    esac
    # Disks of older scripts; a run that still has one open keeps it.
    find "$cache" -mindepth 1 -maxdepth 1 -type d ! -name "$key" -exec rm -rf {} +
  fi
  flock -u 8
}

# accelerator: KVM only where it is real: some hosts have a /dev/kvm without the processor's support.
accelerator() {
  if [ -n "${RC_VM_ACCEL:-}" ]; then
    echo "$RC_VM_ACCEL"
  elif [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
    echo kvm
  else
    echo tcg
  fi
}

# boot ARCHIVE: run the machine with the archive as its second disk, print what it says.
# The machine has no network: a test that finds one by accident is no test.
boot() {
  local accel options timeout=${RC_VM_TIMEOUT:-1800}
  accel=$(accelerator)
  options=(-accel "$accel")
  [ "$accel" = kvm ] || options=(-accel 'tcg,thread=multi')
  say "booting under $accel, at most $timeout s"
  : >"$work/out"
  : >"$work/console"
  # The machine does not outlive this script, whatever ends it.
  nice setpriv --pdeathsig KILL qemu-system-x86_64 -nodefaults -display none -machine q35 \
    "${options[@]}" -cpu max -smp 2 -m 1536 \
    -kernel "$image/vmlinuz" -initrd "$image/initrd" -append 'console=ttyS0 quiet panic=-1' \
    -drive "file=$image/disk.img,if=virtio,format=raw,snapshot=on,cache=unsafe" \
    -drive "file=$1,if=virtio,format=raw,readonly=on" \
    -device virtio-serial -chardev "file,id=rc,path=$work/out" -device virtserialport,chardev=rc,name=rc \
    -serial "file:$work/console" </dev/null >"$work/qemu" 2>&1 &
  qemu=$!
  # Who runs and pauses when is of no use to a reader.
  tail -n +1 -s 0.3 -f --pid="$qemu" "$work/out" > >(grep --line-buffered -vE '^=== (RUN|PAUSE|CONT|NAME) |^rc-vm: exit ') &
  printer=$!
  # tail ends when the machine does, and grep with it. A panic reboots: the next may come again and again.
  (
    code=0
    timeout "$timeout" grep -q 'Kernel panic - ' < <(exec tail -n +1 -f --pid="$qemu" "$work/console") || code=$?
    case $code in
      0) say "the kernel panicked" >&2 ;;
      124) say "no end after $timeout s" >&2 ;;
      *) exit ;;
    esac
    kill -KILL "$qemu"
  ) &
  watchdog=$!
  local code=0
  wait "$qemu" || code=$?
  kill "$watchdog" 2>/dev/null || true
  wait "$printer" || true
  qemu='' watchdog='' printer=''
  guest=$(sed -n 's/^rc-vm: exit //p' "$work/out")
  [ -z "$guest" ] || return 0
  say "the machine ended (code $code) before the tests did; its console:" >&2
  tail -n 40 "$work/console" "$work/qemu" >&2 2>/dev/null || true
  return 1
}

# The parts of guest/main that need the package.
package_parts='from the .deb alone, units and a reboot'

# payload: everything that the machine is given, in $work/payload.
payload() {
  local repository=$here/../.. tags=containers_image_openpgp,exclude_graphdriver_btrfs part
  mkdir -p "$work/payload/bin" "$work/payload/vm"
  find "${RC_VM_BIN:-$repository/bin}" -maxdepth 1 -type f -exec cp {} "$work/payload/bin/" \;
  if [ $# -gt 0 ]; then
    cp -r -- "${@:2}" "$work/payload/" 2>/dev/null || true
    cp -- "$1" "$work/payload/main"
    return
  fi
  cp "$here/guest/main" "$work/payload/main"
  cp -r "$here/guest/bin" "$work/payload/vm/bin"
  mkdir "$work/payload/e2e"
  cp -r "$repository/test/e2e/testdata" "$work/payload/e2e/"
  cp "$repository/test/again.sh" "$work/payload/"
  (cd "$repository" && CGO_ENABLED=0 "${GO:-go}" test -tags "$tags" -c -o "$work/payload/e2e/e2e.test" ./test/e2e)
  # e2e.test finds the scripts of each part in testdata/limits.
  for part in "$here"/testdata/*/; do
    mkdir -p "$work/payload/vm/$(basename "$part")/testdata"
    cp -r "$part" "$work/payload/vm/$(basename "$part")/testdata/limits"
  done
  printf '%s\n' "${RC_VM_ONLY:-}" >"$work/payload/only"
  printf '%s\n' "${RC_TEST_AGAIN:-}" >"$work/payload/again"
  case "$package_parts" in *"${RC_VM_ONLY:-}"*)
    say "making the package"
    DIST=$work/dist ARCHES=amd64 FORMATS=deb "$repository/contrib/dist/dist.sh" >"$work/dist.log" 2>&1 || { cat "$work/dist.log" >&2; exit 1; }
    cp "$work"/dist/rc-containers_*_amd64.deb "$work/payload/rc-containers.deb"
    cp "$here"/guest/{package,units,units-as-user,rebooted} "$work/payload/vm/" ;;
  esac
}

case "${1:-}" in -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit ;; esac
started=$SECONDS
tools
image
payload "$@"
tar -C "$work/payload" --owner=0 --group=0 -cf "$work/payload.tar" .
guest=
boot "$work/payload.tar" || exit 1
if [ $# -gt 0 ]; then exit "$guest"; fi

# Tests that hold others are not counted, they are. What was flaky failed first, and passed then.
read -r passed failed skipped < <(awk '
  $1 == "==" && $2 == "flaky:" { count["FAIL"]-- }
  $1 == "---" { line[++n] = $2 $3; for (name = $3; sub("/[^/]*$", "", name);) holds[name] = 1 }
  END {
    for (i = 1; i <= n; i++) {
      split(line[i], part, ":")
      if (!(part[2] in holds)) count[part[1]]++
    }
    print count["PASS"] + 0, count["FAIL"] + 0, count["SKIP"] + 0
  }' "$work/out")
say "$((SECONDS - started)) s"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$guest" = 0 ] && [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
