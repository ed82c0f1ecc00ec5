# shellcheck shell=bash

# ensure_user NAME: an ordinary user with a home, made by root only.
ensure_user() {
  id -u "$1" >/dev/null 2>&1 && return
  as_root useradd --create-home --shell /bin/bash "$1"
  record user "$1"
}
