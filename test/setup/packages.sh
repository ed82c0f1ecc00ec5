# shellcheck shell=bash

# package_names: what the distributions call what we name as Debian does. A dash is for what is not needed
# there, a question mark for what there is no package of; a comma separates several.
package_names() {
  cat <<'END'
apt                dnf              pacman           zypper                        apk
uidmap             shadow-utils     shadow           shadow                        shadow,shadow-subids
fuse-overlayfs     fuse-overlayfs   fuse-overlayfs   fuse-overlayfs                fuse-overlayfs
slirp4netns        slirp4netns      slirp4netns      slirp4netns                   slirp4netns
passt              passt            passt            passt                         passt
dbus-user-session  dbus-daemon      dbus             dbus-1                        dbus
systemd            systemd          systemd          systemd                       -
libpam-systemd     systemd-pam      -                -                             -
util-linux         util-linux       util-linux       util-linux                    util-linux,util-linux-misc,setpriv
iproute2           iproute          iproute2         iproute2                      iproute2
busybox-static     busybox          busybox          busybox-static                busybox-static
gcc                gcc              gcc              gcc                           gcc
libc6-dev          glibc-devel      glibc            glibc-devel                   musl-dev
shellcheck         ShellCheck       shellcheck       ShellCheck                    shellcheck
docker-registry    ?                ?                docker-distribution-registry  docker-registry
strace             strace           strace           strace                        strace
skopeo             skopeo           skopeo           skopeo                        skopeo
podman             podman           podman           podman                        podman
buildah            buildah          buildah          buildah                       buildah
distrobox          distrobox        distrobox        distrobox                     distrobox
passwd             shadow-utils     shadow           shadow                        shadow
procps             procps-ng        procps-ng        procps                        procps-ng
zsh                zsh              zsh              zsh                           zsh
fish               fish             fish             fish                          fish
bash-completion    bash-completion  bash-completion  bash-completion               bash-completion
rpm                rpm              rpm-tools        rpm                           rpm
rpm2cpio           rpm              rpm-tools        rpm                           rpm
cpio               cpio             cpio             cpio                          cpio
bzip2              bzip2            bzip2            bzip2                         bzip2
xz-utils           xz               xz               xz                            xz
mmdebstrap         mmdebstrap       ?                ?                             ?
qemu-system-x86    qemu-system-x86  qemu-system-x86  qemu-x86                      qemu-system-x86_64
e2fsprogs          e2fsprogs        e2fsprogs        e2fsprogs                     e2fsprogs
openssh-client     openssh-clients  openssh          openssh-clients               openssh-client-default
crun               crun             crun             crun                          crun
runc               runc             runc             runc                          runc
bubblewrap         bubblewrap       bubblewrap       bubblewrap                    bubblewrap
END
}

# package_manager: apt, dnf, pacman, zypper or apk; nothing where there is none of them.
package_manager() {
  local manager
  for manager in apt-get dnf pacman zypper apk; do
    if command -v "$manager" >/dev/null; then echo "${manager%-get}"; return; fi
  done
}

# package_name MANAGER NAME: in the manager's distribution; NAME itself where the table has none.
package_name() {
  package_names | awk -v manager="$1" -v name="$2" '
    NR == 1 { for (i = 1; i <= NF; i++) if ($i == manager) column = i }
    $1 == name { found = $column }
    END { print found ? found : name }'
}

# packages NAME…: install those that are missing, from the distribution.
packages() {
  local manager debian name missing=()
  manager=$(package_manager)
  if [ -z "$manager" ]; then
    echo "no apt, dnf, pacman, zypper or apk: install what your distribution calls these: $*" >&2
    return
  fi
  for debian; do
    for name in $(package_name "$manager" "$debian" | tr , ' '); do
      case $name in
        -) ;;
        '?') omit "$debian: $manager has no package of it" ;;
        *) [[ " ${missing[*]} " == *" $name "* ]] || installed "$manager" "$name" || missing+=("$name") ;;
      esac
    done
  done
  ((${#missing[@]} == 0)) && return
  if ! can_root; then
    omit "$manager: install ${missing[*]}"
    return
  fi
  "install_$manager" "${missing[@]}"
  record package "${missing[@]}"
}

install_apt() {
  # An index that knows every name is good enough; an update costs seconds and a network.
  if ! apt-cache show --no-all-versions "$@" >/dev/null 2>&1; then
    as_root apt-get -q update
  fi
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@"; then
    # An index can be older than the mirror's files.
    as_root apt-get -q update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@"
  fi
}

install_dnf() { as_root dnf -q install -y "$@"; }

# With pacman an index that was renewed alone would lead to half an upgrade: it is taken as it is.
install_pacman() { as_root pacman -S --needed --noconfirm "$@"; }

install_zypper() { as_root zypper --non-interactive install --no-recommends "$@"; }

install_apk() { as_root apk add "$@"; }

# installed MANAGER NAME
installed() {
  case $1 in
    apt) [ "$(dpkg-query -W -f '${db:Status-Status}' "$2" 2>/dev/null)" = installed ] ;;
    dnf | zypper) rpm -q "$2" >/dev/null 2>&1 ;;
    pacman) pacman -Q "$2" >/dev/null 2>&1 ;;
    apk) apk info -e "$2" >/dev/null 2>&1 ;;
  esac
}
