# shellcheck shell=bash disable=SC2154 # root.sh sets changes

# undo: what setup changed on this machine, newest first.
undo() {
  local kind rest
  if [ ! -s "$changes" ]; then
    echo "nothing to undo: setup changed nothing on this machine from this checkout"
    return
  fi
  while read -r kind rest; do
    "undo_$kind" "$rest"
  done < <(tac "$changes")
  [ -n "${DRY:-}" ] || rm "$changes"
}

undo_package() {
  local remove
  case $(package_manager) in
    apt) remove='apt-get purge' ;;
    dnf) remove='dnf remove' ;;
    pacman) remove='pacman -Rs' ;;
    zypper) remove='zypper remove' ;;
    *) remove='apk del' ;;
  esac
  echo "left installed: $1 ($remove $1)"
}

# useradd(8) adds subordinate ranges, userdel(8) takes them away again.
undo_user() {
  id -u "$1" >/dev/null 2>&1 || return 0
  as_root userdel --remove "$1" || as_root userdel --force "$1"
}

undo_device() { [ ! -e "$1" ] || as_root rm "$1"; }

undo_directory() { as_root rmdir --ignore-fail-on-non-empty "$1"; }

undo_mode() { [ ! -e "${1#* }" ] || as_root chmod "${1%% *}" "${1#* }"; }

# undo_subids "--del-subuids FIRST-LAST USER"
undo_subids() {
  local option range user
  read -r option range user <<<"$1"
  id -u "$user" >/dev/null 2>&1 || return 0
  as_root usermod "$option" "$range" "$user"
}
