# shellcheck shell=bash

# ensure_subids USER: a range of 65536 subordinate ids in /etc/subuid and one in /etc/subgid,
# where the user has none, that overlaps no other range and no ordinary user's id.
ensure_subids() {
  ensure_range /etc/subuid "$1" --add-subuids --del-subuids
  ensure_range /etc/subgid "$1" --add-subgids --del-subgids
}

ensure_range() {
  local file=$1 user=$2 add=$3 delete=$4 first
  # useradd(8) gives a new user ranges by itself where the files are there.
  if [ -n "${DRY:-}" ] && ! id -u "$user" >/dev/null 2>&1; then return; fi
  has_range "$file" "$user" && return
  first=$(free_range "$file")
  if ! can_root; then
    omit "a line such as $user:$first:65536 in $file (see subuid(5))"
    return
  fi
  [ -e "$file" ] || as_root touch "$file"
  as_root usermod "$add" "$first-$((first + 65535))" "$user"
  record subids "$delete" "$first-$((first + 65535))" "$user"
}

# has_range FILE USER: by name or by number, as newuidmap(1) reads it.
has_range() {
  [ -r "$1" ] && awk -F: -v name="$2" -v id="$(id -u "$2" 2>/dev/null || echo none)" \
    '($1 == name || $1 == id) && $3 > 0 { found = 1 } END { exit !found }' "$1"
}

# free_range FILE: the first id of 65536 that nobody has, from 100000 on as useradd(8) does.
free_range() {
  { cat "$1" 2>/dev/null || true; getent passwd | awk -F: '$3 >= 100000 { print $1 ":" $3 ":1" }'; } |
    awk -F: 'NF == 3 && $3 > 0 && $2 + $3 > 100000 { print $2, $3 }' | sort -n |
    awk 'BEGIN { free = 100000 } $1 < free + 65536 { if ($1 + $2 > free) free = $1 + $2 } END { print free }'
}
