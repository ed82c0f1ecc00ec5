# shellcheck shell=bash

# packages NAME…: install those that are missing, from the distribution.
packages() {
  local name missing=()
  if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian system: install what your distribution calls these: $*" >&2
    return
  fi
  for name; do installed "$name" || missing+=("$name"); done
  ((${#missing[@]} == 0)) && return
  if ! can_root; then
    omit "apt-get install ${missing[*]}"
    return
  fi
  # An index that knows every name is good enough; an update costs seconds and a network.
  if ! apt-cache show --no-all-versions "${missing[@]}" >/dev/null 2>&1; then
    as_root apt-get -q update
  fi
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}"; then
    # An index can be older than the mirror's files.
    as_root apt-get -q update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}"
  fi
  record package "${missing[@]}"
}

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}
