#!/usr/bin/env bash
# dist.sh: packages in dist/, from what `make install` installs: .deb, .rpm and a tarball for each architecture.
#
# ARCHES ("amd64 arm64") and FORMATS ("deb rpm tar") choose, DIST is another directory than dist. The same commit gives the same bytes: times are
# those of SOURCE_DATE_EPOCH, the commit's without one. nfpm is built once, into .cache/bin.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/local/go/bin
umask 022
nfpm_version=v2.45.2
arches=${ARCHES:-amd64 arm64}
formats=${FORMATS:-deb rpm tar}
: "${DIST:=dist}"
mkdir -p "$DIST"
out=$(cd "$DIST" && pwd)

main() {
  SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
  export SOURCE_DATE_EPOCH
  local version arch format
  version=$(package_version)
  rm -rf "$out"/root "$out"/man "$out"/rc-containers[-_]* "$out/SHA256SUMS"
  case " $formats " in *' deb '* | *' rpm '*) packager ;; esac
  make man BIN="$out" # the pages are the same everywhere, and made by running tests here
  for arch in $arches; do
    GOOS=linux GOARCH=$arch make build BIN="$out/linux-$arch"
    rm -rf "$out/linux-$arch/man"
    cp -r "$out/man" "$out/linux-$arch/man"
    for format in $formats; do "make_$format" "$arch" "$version"; done
  done
  rm -rf "$out/root" "$out/man"
  (cd "$out" && sha256sum rc-containers[-_]* >SHA256SUMS)
  ls -l "$out"/rc-containers[-_]*
}

# package_version: that of the tag; before the first one, and after each, the commit's time and number besides.
package_version() {
  local name stamp
  name=$(git describe --tags --match 'v[0-9]*' 2>/dev/null || echo "v0.0-0-g$(git rev-parse --short=12 HEAD)")
  name=${name#v}
  stamp=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S)
  case $name in
    *-*-g*) echo "${name%%-*}+git$stamp.${name##*-g}" ;;
    *) echo "$name" ;;
  esac
}

packager() {
  nfpm=.cache/bin/nfpm-$nfpm_version
  [ -x "$nfpm" ] && return
  mkdir -p .cache/bin
  CGO_ENABLED=0 GOFLAGS='' GOBIN=$PWD/.cache/bin/build go install "github.com/goreleaser/nfpm/v2/cmd/nfpm@$nfpm_version"
  mv .cache/bin/build/nfpm "$nfpm"
}

# root ARCH PREFIX ZSH: what is installed, below $out/root. Where zsh looks is the distribution's, not this machine's.
root() {
  rm -rf "$out/root"
  make install-files BIN="$out/linux-$1" DESTDIR="$out/root" PREFIX="$2" \
    ZSH="$out/root$2/share/zsh/$3" FISH="$out/root$2/share/fish/vendor_completions.d" >/dev/null
  local share=$out/root$2/share
  install -D -m 644 contrib/apparmor/rc "$share/rc-containers/apparmor/rc"
  install -D -m 644 contrib/config/containers.conf "$share/doc/rc-containers/examples/containers.conf"
  install -D -m 644 README.md "$share/doc/rc-containers/README.md"
  install -D -m 644 contrib/CHANGELOG.md "$share/doc/rc-containers/changelog"
  install -D -m 644 LICENSE "$share/doc/rc-containers/copyright"
  if [ -d contrib/recipes ]; then
    install -d "$share/doc/rc-containers/recipes"
    install -m 644 contrib/recipes/*.md "$share/doc/rc-containers/recipes/"
  fi
}

make_deb() { package "$@" deb; }
make_rpm() { package "$@" rpm; }

# package ARCH VERSION FORMAT
package() {
  local zsh=site-functions
  [ "$3" = rpm ] || zsh=vendor-completions
  root "$1" /usr "$zsh"
  gzip -9n "$out"/root/usr/share/man/man1/*.1
  [ "$3" = rpm ] || gzip -9n "$out/root/usr/share/doc/rc-containers/changelog"
  description "$@" >"$out/nfpm.yaml"
  "$nfpm" package --config "$out/nfpm.yaml" --packager "$3" --target "$out/" >/dev/null
  rm "$out/nfpm.yaml"
}

# description ARCH VERSION FORMAT: what nfpm is told. Each file is named, so that no directory of the system's is the package's.
description() {
  local date
  date=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
  cat <<END
name: rc-containers
arch: $1
platform: linux
version: "$2"
version_schema: none
release: "1"
section: admin
priority: optional
maintainer: The rc developers <rc@localhost>
homepage: https://github.com/rc-containers/rc
license: Apache-2.0
mtime: $date
description: |
  containers for an ordinary user, without root and without a daemon
  rc runs, builds and looks after containers as podman and docker do, for a
  user without any privileges. It has no daemon, no database and no pause
  process: the file system has the records, and each container has a small
  supervisor of its own. rc doctor says what a machine lacks for that.
# xz would save a sixth and take a minute.
deb:
  compression: gzip
rpm:
  buildhost: localhost
  compression: gzip
scripts:
  postinstall: contrib/dist/postinst.sh
  postremove: contrib/dist/postrm.sh
overrides:
  deb:
    # Both bring another /usr/bin/rc, the shell of Plan 9.
    conflicts: [rc, 9base]
    depends: [uidmap, util-linux, "slirp4netns | passt"]
    recommends: [fuse-overlayfs, passt, slirp4netns, dbus-user-session, ca-certificates]
    suggests: [git, nftables, systemd-container]
  rpm:
    conflicts: [rc]
    depends: [shadow-utils, util-linux, "(slirp4netns or passt)"]
    recommends: [fuse-overlayfs, passt, slirp4netns, ca-certificates]
    suggests: [git, nftables]
contents:
  - { dst: /usr/libexec/rc, type: dir, file_info: { mode: 0755, mtime: "$date" } }
END
  local path
  (cd "$out/root" && find . ! -type d | sort) | while read -r path; do
    path=${path#.}
    if [ -L "$out/root$path" ]; then
      echo "  - { src: $(readlink "$out/root$path"), dst: $path, type: symlink, file_info: { mtime: \"$date\" } }"
    else
      echo "  - { src: $out/root$path, dst: $path, file_info: { mode: 0$(stat -c %a "$out/root$path"), mtime: \"$date\" } }"
    fi
  done
}

# make_tar ARCH VERSION: for /usr/local: tar -C /usr/local --strip-components=1 -xzf FILE
make_tar() {
  local name=rc-containers-$2-linux-$1
  root "$1" /usr/local site-functions
  mv "$out/root/usr/local" "$out/root/$name"
  tar -C "$out/root" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" |
    gzip -9n >"$out/$name.tar.gz"
}

main
