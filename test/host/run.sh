#!/usr/bin/env bash
# Test host (1): run a command as an ordinary user who has just logged in.
#
#   run.sh [--no-manager] [--change WHAT] USER COMMAND [ARGUMENT…]      (as root; exits with the command's code)
#
# The command runs in private mount and pid namespaces with pure cgroup v2 on /sys/fs/cgroup, in
# the cgroup of a login session, beside a real `systemd --user` with its D-Bus: what a Debian
# user has after logging in, also where systemd is not pid 1. Whatever it leaves behind is killed,
# its cgroups are removed, on every way out: the pid namespace dies with this script.
# --no-manager leaves out the manager, the bus and XDG_RUNTIME_DIR: as under su and cron.
# --change makes a host on which something is not as it should be, in its own mounts only:
#   no-subids        the user has no subordinate ids
#   few-subids       the user has 1000 of them
#   root-subids      root has 65536 of them
#   odd-subids       the user's ids, by number, are also another's, and an account's; one line is malformed
#   plain-newuidmap  newuidmap and newgidmap are not setuid
#   no-newuidmap     there is neither of them
#   no-helpers       fuse-overlayfs, slirp4netns, pasta, nsenter and git are not installed
#   journal          there is systemd-journald, which keeps a journal of the user's
#   no-fuse          there is no /dev/fuse
#   no-tun           there is no /dev/net/tun
#   shut-devices     /dev/fuse and /dev/net/tun are root's alone
#   no-network       there is no interface but lo, no name server, no ping
#   no-cgroup2       there is no cgroup v2
#   no-systemd       there is no systemd, no journal and nothing in /run that they make, and processes are in the root cgroup
#   small-disk       $RC_DISK is a directory on a tmpfs of 24 MB
#   few-inodes       $RC_DISK is one on a tmpfs with 500 inodes
#   plain-disk       $RC_DISK is one on a ramfs, which has no extended attributes
#   locked-disk      $RC_DISK is one on a tmpfs that becomes read-only, for all, when there is $RC_DISK/lock
#
# Not like the real thing: no nsdelegate, the user may write to his slice's cgroup.procs, and
# on a hybrid host only the controllers that v1 left over are there. Claims about limits are for the VM.
set -euo pipefail

usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }

outside() {
  [ "$(id -u)" = 0 ] || { echo "test/host/run.sh: must be root" >&2; exit 1; }
  local manager=1 change=none user uid child code=0
  while :; do
    case "${1:-}" in
      --no-manager) manager=0; shift ;;
      --change) change=${2:-}; shift 2 ;;
      *) break ;;
    esac
  done
  [ $# -ge 2 ] || usage
  user=$1 uid=$(id -u "$1")
  # One host per user at a time: the manager's cgroup has the name that it has in real life.
  exec 9>"/run/lock/rc-test-host-$uid"
  flock 9
  trap 'kill -KILL "$child" 2>/dev/null || true' HUP INT TERM
  # The child keeps the terminal: it stays in this process group. unshare itself ignores
  # SIGTERM, so it is killed, and --kill-child takes the namespace along.
  local propagation=private net=()
  [ "$change" != no-network ] || net=(--net)
  if chrooted; then propagation=unchanged; fi
  setpriv --pdeathsig KILL unshare --mount --propagation "$propagation" "${net[@]}" --pid --fork --kill-child=KILL --mount-proc \
    -- "$0" --inside "$manager" "$change" "$user" "${@:2}" <&0 9>&- &
  child=$!
  # wait returns early when a trap ran; the second one gives the child's own code.
  wait "$child" || code=$?
  while kill -0 "$child" 2>/dev/null; do wait "$child" && code=0 || code=$?; done
  remove_cgroups "$uid"
  exit "$code"
}

# chrooted: is / no mount point? The kernel makes no user namespaces there (user_namespaces(7)).
chrooted() { ! awk '$5 == "/" { found = 1 } END { exit !found }' /proc/self/mountinfo; }

# leave_chroot ARGUMENT…: make the chroot's directory the root of our mount namespace, and run this
# script again in it. setns(2) into the mount namespace that we are in goes to its real root.
leave_chroot() {
  exec 7</
  # shellcheck disable=SC2016 # expanded by the inner shell, with the outer system's programs
  exec nsenter --mount=/proc/self/ns/mnt -- sh -euc '
    PATH=/usr/sbin:/sbin:/usr/bin:/bin
    mount --make-rprivate /
    room=$(readlink /proc/self/fd/7)
    mount --rbind "$room" "$room"
    cd "$room"
    pivot_root . .
    umount -l .
    cd /
    exec "$@" 7<&-
  ' leave "$(realpath "$0")" "$@"
}

# remove_cgroups UID: kill what is left in them (the pid namespace's end has, already), rmdir deepest first.
remove_cgroups() {
  local top slice
  top=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
  slice=$top/user.slice/user-$1.slice
  [ -n "$top" ] && [ -d "$slice" ] || return 0
  for _ in $(seq 100); do
    find "$slice" -depth -type d -exec rmdir {} + 2>/dev/null || true
    [ -d "$slice" ] || break
    sleep 0.02
  done
  rmdir "$top/user.slice" 2>/dev/null || true
  [ ! -d "$slice" ] || echo "test/host/run.sh: left behind: $(find "$slice" -type d | tr '\n' ' ')" >&2
}

inside() {
  if chrooted; then leave_chroot --inside "$@"; fi
  local manager=$1 change=$2 user=$3 uid gid home
  shift 3
  uid=$(id -u "$user") gid=$(id -g "$user") home=$(getent passwd "$user" | cut -d: -f6)
  mount_cgroup2
  local slice=/sys/fs/cgroup/user.slice/user-$uid.slice
  mkdir -p "$slice/session-1.scope"
  # A user manager makes its runtime directory in /run/user and looks for /run/systemd/system.
  mkdir -p /run/user /run/systemd
  mount -t tmpfs -o mode=755 tmpfs /run/user
  mount -t tmpfs -o mode=755 tmpfs /run/systemd
  mkdir /run/systemd/system
  local environment=(HOME="$home" USER="$user" LOGNAME="$user" SHELL=/bin/bash
    PATH="${RC_HOST_PATH:-/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin}"
    LANG="${LANG:-C.UTF-8}" TERM="${TERM:-dumb}")
  local name
  for name in $(compgen -e | grep -E '^(RC_|GO|CI$|DRY$|NO_COLOR$)'); do environment+=("$name=${!name}"); done
  change_host "$change"
  if [ "$manager" = 1 ]; then
    environment+=(XDG_RUNTIME_DIR="/run/user/$uid" DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$uid/bus")
    start_manager
  fi
  local session=$slice/session-1.scope
  [ "$change" != no-systemd ] || session=/sys/fs/cgroup
  # The command is no leader and no pid 1: a shell's habits (job control, zombies) stay ours.
  (
    echo "$BASHPID" >"$session/cgroup.procs"
    cd "$home"
    cd "${RC_HOST_DIR:-.}"
    exec setpriv --reuid "$uid" --regid "$gid" --init-groups --inh-caps=-all \
      env -i "${environment[@]}" "$@"
  )
}

# change_host WHAT: see the top.
change_host() {
  local file
  case $1 in
    none) ;;
    no-subids | few-subids)
      for file in subuid subgid; do
        awk -F: -v name="$user" -v id="$uid" '$1 != name && $1 != id' "/etc/$file" >"/run/systemd/$file"
        if [ "$1" = few-subids ]; then
          awk -F: -v OFS=: -v name="$user" '$1 == name { $3 = 1000; print; exit }' "/etc/$file" >>"/run/systemd/$file"
        fi
        mount --bind "/run/systemd/$file" "/etc/$file"
      done
      ;;
    odd-subids)
      for file in subuid subgid; do
        { echo "$uid:100000:65536"; echo "rc-other:165000:1000"; echo "$user:x:5"; } >"/run/systemd/$file"
        mount --bind "/run/systemd/$file" "/etc/$file"
      done
      { cat /etc/passwd; echo "rc-account:x:100500:100500::/nowhere:/bin/false"; } >/run/systemd/passwd
      mount --bind /run/systemd/passwd /etc/passwd
      ;;
    root-subids)
      for file in subuid subgid; do
        { awk -F: '$1 != "root" && $1 != 0' "/etc/$file"; echo root:2000000000:65536; } >"/run/systemd/$file"
        mount --bind "/run/systemd/$file" "/etc/$file"
      done
      ;;
    plain-newuidmap)
      for file in newuidmap newgidmap; do
        # A copy has neither the bit nor a file capability.
        install -m 755 "$(command -v $file)" "/run/systemd/$file"
        mount --bind "/run/systemd/$file" "$(realpath "$(command -v $file)")"
      done
      ;;
    no-newuidmap) hide newuidmap newgidmap ;;
    no-helpers) hide fuse-overlayfs slirp4netns pasta nsenter git ;;
    shut-devices)
      for file in fuse net/tun; do
        mknod -m 600 "/run/systemd/${file#*/}" c $((0x$(stat -c %t "/dev/$file"))) $((0x$(stat -c %T "/dev/$file")))
        mount --bind "/run/systemd/${file#*/}" "/dev/$file"
      done
      ;;
    no-network)
      echo "search example.invalid" >/run/systemd/resolv.conf
      mount --bind /run/systemd/resolv.conf "$(realpath /etc/resolv.conf)"
      ip link set lo up
      ;;
    no-cgroup2)
      while umount -l /sys/fs/cgroup 2>/dev/null; do :; done
      mount -t tmpfs tmpfs /sys/fs/cgroup
      mkdir -p "$slice/session-1.scope" # a directory like any other
      ;;
    no-systemd)
      hide systemctl systemd-run systemd-analyze systemd-cat journalctl loginctl
      rmdir "$slice/session-1.scope"
      cat /etc/resolv.conf >/run/systemd/resolv.conf # may be a link into /run
      mount --bind /run/systemd/resolv.conf "$(realpath /etc/resolv.conf)"
      mount -t tmpfs -o mode=755 tmpfs /run
      for file in /lib/systemd /usr/lib/systemd; do
        [ ! -d "$file" ] || mount -t tmpfs -o mode=755 tmpfs "$file"
      done
      ;;
    journal)
      # journald splits journals by user in this directory only, and reads its settings from /run, too.
      mount -t tmpfs -o mode=755 tmpfs /var/log
      mkdir -p /var/log/journal /run/systemd/journald.conf.d /run/systemd/journal
      : >/run/systemd/journal/flushed
      printf '[Journal]\nStorage=persistent\nReadKMsg=no\nAudit=no\nRateLimitBurst=0\n' >/run/systemd/journald.conf.d/test.conf
      [ -s /etc/machine-id ] || {
        cp -a /etc /run/systemd/etc
        tr -d - </proc/sys/kernel/random/uuid >/run/systemd/etc/machine-id
        mount --bind /run/systemd/etc /etc
      }
      /lib/systemd/systemd-journald >/run/systemd/journald.log 2>&1 </dev/null &
      for _ in $(seq 1000); do [ ! -S /run/systemd/journal/socket ] || break; sleep 0.01; done
      [ -S /run/systemd/journal/socket ] || { echo "test/host/run.sh: systemd-journald did not come up:" >&2; cat /run/systemd/journald.log >&2; exit 1; }
      ;;
    no-fuse | no-tun)
      local missing=fuse
      [ "$1" = no-fuse ] || missing=net/tun
      mkdir /run/systemd/dev
      mount -t tmpfs -o mode=755 tmpfs /run/systemd/dev
      mkdir /run/systemd/dev/{pts,shm,net}
      ln -s /proc/self/fd /run/systemd/dev/fd
      for file in null zero full random urandom tty ptmx fuse net/tun pts shm; do
        if [ "$file" = "$missing" ] || [ ! -e "/dev/$file" ]; then continue; fi
        [ -d "/dev/$file" ] || : >"/run/systemd/dev/$file"
        mount --rbind "/dev/$file" "/run/systemd/dev/$file"
      done
      mount --rbind /run/systemd/dev /dev
      ;;
    small-disk)
      mkdir /run/systemd/disk
      mount -t tmpfs -o "size=24m,mode=700,uid=$uid,gid=$gid" tmpfs /run/systemd/disk
      environment+=(RC_DISK=/run/systemd/disk)
      ;;
    few-inodes)
      mkdir /run/systemd/disk
      mount -t tmpfs -o "size=3g,nr_inodes=500,mode=700,uid=$uid,gid=$gid" tmpfs /run/systemd/disk
      environment+=(RC_DISK=/run/systemd/disk)
      ;;
    locked-disk)
      mkdir /run/systemd/disk
      mount -t tmpfs -o "size=64m,mode=700,uid=$uid,gid=$gid" tmpfs /run/systemd/disk
      environment+=(RC_DISK=/run/systemd/disk)
      (until [ -e /run/systemd/disk/lock ] && mount -o remount,ro /run/systemd/disk 2>/dev/null; do sleep 0.1; done) &
      ;;
    plain-disk)
      mkdir /run/systemd/disk
      mount -t ramfs -o mode=700 ramfs /run/systemd/disk
      chown "$uid:$gid" /run/systemd/disk
      environment+=(RC_DISK=/run/systemd/disk)
      ;;
    *) echo "test/host/run.sh: --change $1: see the list at the top" >&2; exit 2 ;;
  esac
}

# hide PROGRAM…: what cannot be executed is not found.
hide() {
  : >/run/systemd/hidden
  local program path
  for program in "$@"; do
    for path in /usr/local/bin /usr/bin /bin /usr/local/sbin /usr/sbin /sbin; do
      [ ! -e "$path/$program" ] || mount --bind /run/systemd/hidden "$(realpath "$path/$program")" 2>/dev/null || true
    done
  done
}

mount_cgroup2() {
  [ "$(stat -f -c %T /sys/fs/cgroup 2>/dev/null)" = cgroup2fs ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup
  # As user.slice has on a real host; on a hybrid one most belong to v1.
  local controller
  for controller in cpu memory pids; do
    echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true
  done
}

# start_manager: `systemd --user` in user@UID.service, up to its bus.
start_manager() {
  local service=$slice/user@$uid.service
  mkdir -p "$service"
  chown "$uid:$uid" "$slice/cgroup.procs" "$slice/session-1.scope/cgroup.procs" \
    "$service" "$service"/cgroup.{procs,subtree_control,threads}
  install -d -m 700 -o "$uid" -g "$gid" "/run/user/$uid"
  local log=/run/systemd/user-manager.log program=/lib/systemd/systemd
  [ -x "$program" ] || program=/usr/lib/systemd/systemd
  (
    echo "$BASHPID" >"$service/cgroup.procs"
    cd "$home"
    exec setpriv --reuid "$uid" --regid "$gid" --init-groups --inh-caps=-all \
      env -i "${environment[@]}" "$program" --user >"$log" 2>&1 </dev/null
  ) &
  local manager_pid=$!
  for _ in $(seq 1000); do
    [ -S "/run/user/$uid/bus" ] && [ -S "/run/user/$uid/systemd/private" ] && return
    kill -0 "$manager_pid" 2>/dev/null || break
    sleep 0.01
  done
  echo "test/host/run.sh: systemd --user did not come up:" >&2
  cat "$log" >&2
  exit 1
}

case "${1:-}" in
  --inside) shift; inside "$@" ;;
  '' | -h | --help) usage ;;
  *) outside "$@" ;;
esac
