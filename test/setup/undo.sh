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

undo_package() { echo "left installed: $1 (apt-get purge $1)"; }

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
