# shellcheck shell=bash

# ensure_device PATH MAJOR MINOR MODULE: a character device that every user can open.
# A chroot or a container may lack it; on a few hosts only root may open it.
ensure_device() {
  local path=$1 major=$2 minor=$3 module=$4
  if [ ! -e "$path" ]; then
    if ! can_root; then omit "mknod $path c $major $minor"; return; fi
    if [ ! -d "$(dirname "$path")" ]; then
      as_root mkdir -p "$(dirname "$path")"
      record directory "$(dirname "$path")"
    fi
    as_root mknod -m 666 "$path" c "$major" "$minor" || { omit "mknod $path c $major $minor (refused)"; return; }
    record device "$path"
    [ -z "${DRY:-}" ] || return 0
  fi
  if ! world_writable "$path"; then
    if [ -r "$path" ] && [ -w "$path" ] && [ "$(id -u)" != 0 ]; then return; fi
    if ! can_root; then omit "chmod 666 $path"; return; fi
    record mode "$(stat -c %a "$path")" "$path"
    as_root chmod 666 "$path"
  fi
  [ -z "${DRY:-}" ] || return 0
  # A node without its driver gives ENODEV (fuse) or ENXIO (tun).
  if ! (exec 3<>"$path") 2>/dev/null && command -v modprobe >/dev/null && can_root; then
    as_root modprobe "$module" || true
  fi
  (exec 3<>"$path") 2>/dev/null || omit "$path: cannot be opened (no $module in this kernel?)"
}

world_writable() {
  local mode
  mode=$(stat -c %a "$1" 2>/dev/null) || return
  (((8#$mode & 6) == 6))
}
