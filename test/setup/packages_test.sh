#!/usr/bin/env bash
# packages_test.sh: what setup.sh asks of each distribution's package manager, with managers that only write
# down how they are called. Nothing is installed.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/rc-packages.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0

# machine MANAGER INSTALLED…: a PATH with this manager alone, which has these packages.
machine() {
  local manager=$1 program
  shift
  rm -rf "${work:?}/bin"
  mkdir "$work/bin"
  for program in awk tr cat id mkdir dirname grep sed sort getent env bash sh; do ln -s "$(command -v $program)" "$work/bin/$program"; done
  printf '%s\n' "$@" >"$work/installed"
  : >"$work/calls"
  for program in apt-get apt-cache dnf pacman zypper apk rpm dpkg-query sudo; do
    case $manager:$program in
      *:sudo | apt:apt-get | apt:apt-cache | apt:dpkg-query | dnf:dnf | dnf:rpm | zypper:zypper | zypper:rpm) ;;
      "$program:$program") ;;
      *) continue ;;
    esac
    cat >"$work/bin/$program" <<END
#!/bin/sh
for last; do :; done
case "$program \$*" in
  'rpm -q '* | 'pacman -Q '* | 'apk info '*) grep -qx "\$last" $work/installed ;;
  'dpkg-query '*) grep -qx "\$last" $work/installed && echo installed ;;
  'sudo '*) [ "\$1" = -n ] || exec "\$@" ;;
  *) echo "$program \$*" >>$work/calls ;;
esac
END
    chmod +x "$work/bin/$program"
  done
}

# setup COMMAND: what was called, with the functions of setup.sh at hand.
setup() {
  PATH=$work/bin DRY=${dry:-} bash -euc '
    . ./root.sh
    . ./packages.sh
    PATH='"$work/bin"' # root.sh has added to it
    can_root() { true; }
    as_root() { if [ -n "${DRY:-}" ]; then echo "# $*"; else "$@"; fi; }
    record() { :; }
    '"$1"'
    [ ${#omitted[@]} = 0 ] || printf "omitted: %s\n" "${omitted[@]}"
  ' 2>&1
  cat "$work/calls"
}

same() { # same WHAT WANT GOT
  [ "$2" = "$3" ] && return
  printf 'packages_test.sh: %s: want\n%s\ngot\n%s\n' "$1" "$2" "$3" >&2
  failed=1
}

names='uidmap passt systemd libpam-systemd busybox-static procps passwd unheard-of'
machine apt passt systemd
same apt 'apt-cache show --no-all-versions uidmap libpam-systemd busybox-static procps passwd unheard-of
apt-get -q install -y --no-install-recommends uidmap libpam-systemd busybox-static procps passwd unheard-of' "$(setup "packages $names" | sed 's/env DEBIAN_FRONTEND=noninteractive //')"
machine dnf passt
same dnf 'dnf -q install -y shadow-utils systemd systemd-pam busybox procps-ng unheard-of' "$(setup "packages $names")"
machine pacman passt systemd
same pacman 'pacman -S --needed --noconfirm shadow busybox procps-ng unheard-of' "$(setup "packages $names")"
machine zypper passt
same zypper 'zypper --non-interactive install --no-recommends shadow systemd busybox-static procps unheard-of' "$(setup "packages $names")"
machine apk passt
same apk 'apk add shadow shadow-subids busybox-static procps-ng unheard-of' "$(setup "packages $names")"

# All there: nobody is called. Nothing of that name: said. Only shown with DRY.
machine dnf shadow-utils
same 'nothing missing' '' "$(setup 'packages uidmap passwd')"
same 'no package' 'omitted: docker-registry: dnf has no package of it' "$(setup 'packages docker-registry uidmap')"
machine apk none
dry=1
same 'DRY' '# apk add fuse-overlayfs' "$(setup 'packages fuse-overlayfs')"
machine none none
same 'no manager' 'no apt, dnf, pacman, zypper or apk: install what your distribution calls these: uidmap passt' "$(setup 'packages uidmap passt')"
dry=

# Whatever setup.sh installs is in the table, and each row is whole.
. ./packages.sh
package_names | awk 'NF != 5 { print "packages_test.sh: not five columns: " $0; bad = 1 } END { exit bad }' >&2 || failed=1
for name in $(sed -n '/^[a-z]*_packages=(/,/)/p' setup.sh | tr '()"' '   ' | sed 's/[a-z]*_packages=//; s/\${[^}]*}//; s/#.*//'); do
  package_names | awk -v name="$name" '$1 == name { found = 1 } END { exit !found }' || { echo "packages_test.sh: $name is not in the table" >&2; failed=1; }
done
[ "$failed" = 0 ] && echo "ok  	test/setup/packages_test.sh"
exit "$failed"
