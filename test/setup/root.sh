# Sourced by setup.sh and its callers: how to become root, how to record a change.
# shellcheck shell=bash

PATH=$PATH:/usr/local/go/bin:/usr/sbin:/sbin
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# One line per change, oldest first; `setup.sh undo` reads it backwards.
changes=$repository/.cache/setup/changes
# What could not be done, shown at the end.
omitted=()

# can_root: are we root, or is there a sudo that will let us?
can_root() {
  [ "$(id -u)" = 0 ] && return
  command -v sudo >/dev/null || return
  [ -n "${DRY:-}" ] && return
  sudo -n true 2>/dev/null && return
  # sudo may ask for the password where somebody is there to type it.
  [ -t 0 ] && sudo -v
}

# as_root COMMAND…: print it, and run it as root. Under DRY=1 only print.
as_root() {
  local words=("$@")
  [ "$(id -u)" = 0 ] || words=(sudo "$@")
  printf '#' >&2; printf ' %q' "${words[@]}" >&2; echo >&2
  [ -n "${DRY:-}" ] || "${words[@]}"
}

# omit WHAT: remember something that needs root and was not done.
omit() { omitted+=("$1"); }

left_out() {
  ((${#omitted[@]} == 0)) && return
  echo "Left out, because this needs root and there is no sudo for $(id -un):" >&2
  printf '  %s\n' "${omitted[@]}" >&2
}

# record KIND ARGUMENT…: note a change so that it can be undone.
record() {
  [ -n "${DRY:-}" ] && return
  mkdir -p "$(dirname "$changes")"
  echo "$*" >>"$changes"
}

# container_user: who runs the containers. A test user when called as root, else you.
container_user() {
  if [ "$(id -u)" = 0 ]; then echo "${RC_TEST_USER:-rctest}"; else id -un; fi
}
