#!/usr/bin/env bash
# dist.sh: what is in the packages of make dist (for this machine's architecture), and that it is the same twice.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/setup/root.sh
work=$(mktemp -d "${TMPDIR:-/var/tmp}/rc-dist.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0
fail() { echo "test/dist.sh: $*" >&2; failed=1; }

arch=$(go env GOARCH)
export DIST=$work/dist
build() { ARCHES=$arch contrib/dist/dist.sh >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; }
build
cp "$DIST/SHA256SUMS" "$work/first"
build
cmp -s "$DIST/SHA256SUMS" "$work/first" || fail "the same commit gave other bytes: $(diff "$work/first" "$DIST/SHA256SUMS")"
(cd "$DIST" && sha256sum --quiet -c SHA256SUMS) || fail "SHA256SUMS is wrong"

# What make install installs is in all of them; here with the programs that were built for dist.
cp -r "$DIST/linux-$arch" "$work/bin"
make -s install-files BIN="$work/bin" DESTDIR="$work/installed" PREFIX=/usr ZSH="$work/installed/usr/share/zsh/vendor-completions"
list() { (cd "$1" && find . ! -type d | sed 's/^\.//' | sort); }
# As make install with DESTDIR leaves it, the generator's link leads to it, and it finds the rc that is installed with it.
mkdir "$work/quadlets"
printf '[Container]\nImage=localhost/x\n' >"$work/quadlets/web.container"
unit=$(QUADLET_UNIT_DIRS=$work/quadlets "$work/installed/usr/lib/systemd/user-generators/rc-user-generator" --user --dryrun 2>&1) ||
  fail "the generator that is installed: $unit"
grep -q "^ExecStart=$work/installed/usr/bin/rc run " <<<"$unit" || fail "the generator that is installed does not start its rc: $unit"
# systemd reads no generators of a user's own: there is none.
make -s install-files BIN="$work/bin" DESTDIR="$work/own" HOME=/home/ann PREFIX=/home/ann/.local >/dev/null
[ -x "$work/own/home/ann/.local/libexec/rc/rc-user-generator" ] || fail "a user's own installation has no generator for rc quadlet"
[ -z "$(find "$work/own" -name user-generators)" ] || fail "a user's own installation has a directory for generators, which nobody reads"
# What is installed is removed.
make -s uninstall DESTDIR="$work/own" HOME=/home/ann PREFIX=/home/ann/.local
[ -z "$(find "$work/own" ! -type d)" ] || fail "make uninstall leaves: $(find "$work/own" ! -type d)"
pages=$(find "$work/bin/man" -name '*.1' | wc -l)
[ "$pages" -gt 80 ] || fail "only $pages manual pages"
list "$work/installed" | sed 's|\(/man1/.*\.1\)$|\1.gz|' >"$work/want"
share=/usr/share/doc/rc-containers
printf '%s\n' $share/README.md $share/copyright $share/examples/containers.conf /usr/share/rc-containers/apparmor/rc >>"$work/want"

# contents NAME: the tree in $work/NAME has everything, links that lead somewhere, and root alone writes to it.
contents() {
  list "$work/$1" >"$work/have"
  local missing
  missing=$(comm -23 <(sed "${2:-}" "$work/want" | sort) "$work/have")
  [ -z "$missing" ] || fail "$1 lacks: $missing"
  { [ -x "$work/$1/usr/libexec/rc/rc-shim" ] && [ -x "$work/$1/usr/bin/rc" ]; } || fail "$1: programs cannot be executed"
  [ -x "$work/$1/usr/lib/systemd/user-generators/rc-user-generator" ] || fail "$1: the generator's link leads nowhere"
  grep -q '"/usr/bin/rc"' "$work/$1/usr/lib/systemd/user/rc-restart.service" || fail "$1: the unit does not start /usr/bin/rc"
  [ -z "$(find "$work/$1" \( -perm /6022 -a ! -type l \) -print)" ] || fail "$1: modes: $(find "$work/$1" \( -perm /6022 -a ! -type l \) -ls)"
  gzip -dc "$work/$1/usr/share/man/man1/rc-run.1.gz" | grep -q '^.SH NAME' || fail "$1: rc-run.1.gz is no manual page"
  [ "$("$work/$1/usr/bin/rc" --version)" = "$("$work/bin/rc" --version)" ] || fail "$1: rc is another one"
}

has() { # has WHAT TEXT WORD…
  local what=$1 text=$2 word
  shift 2
  for word; do case $text in *"$word"*) ;; *) fail "$what has no \"$word\": $text" ;; esac; done
}

deb=$(echo "$DIST"/*.deb)
if command -v dpkg-deb >/dev/null; then
  dpkg-deb -x "$deb" "$work/deb"
  contents deb
  has 'the .deb' "$(dpkg-deb -f "$deb")" 'Package: rc-containers' "Architecture: $arch" 'Conflicts: rc, 9base' 'uidmap' 'slirp4netns | passt' 'dbus-user-session'
  dpkg-deb -c "$deb" | awk '$2 != "root/root" { bad = 1 } END { exit bad }' || fail 'the .deb: not all is root'"'"'s'
  dpkg-deb -e "$deb" "$work/control"
  { sh -n "$work/control/postinst" && sh -n "$work/control/postrm"; } || fail 'the .deb: scripts'
else
  echo "test/dist.sh: no dpkg-deb: the .deb was not looked into"
fi

rpm=$(echo "$DIST"/*.rpm)
if command -v rpm2cpio >/dev/null && command -v cpio >/dev/null; then
  mkdir "$work/rpm"
  # Its code says whether the archive's size is that of the header, where rpmpack (nfpm) counts otherwise.
  { rpm2cpio "$rpm" || true; } | (cd "$work/rpm" && cpio --quiet -id --no-absolute-filenames 2>/dev/null)
  rpm -K "$rpm" >/dev/null || fail 'the .rpm: digests'
  contents rpm s/vendor-completions/site-functions/
  has 'the .rpm' "$(rpm -qp --conflicts "$rpm") $(rpm -qp --requires "$rpm") $(rpm -qpi "$rpm")" rc shadow-utils '(slirp4netns or passt)' 'Name        : rc-containers'
  rpm -qp --qf '[%{FILEUSERNAME} %{FILEGROUPNAME}\n]' "$rpm" | sort -u | cmp -s - <(echo 'root root') || fail 'the .rpm: not all is root'"'"'s'
  # What it owns: files, and the one directory that is its own.
  [ "$(rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "$rpm" | sed -n 's/^d[^ ]* //p')" = /usr/libexec/rc ] || fail 'the .rpm owns directories of the system'
elif [ "${RC_TEST_NO_SKIP:-}" = 1 ]; then
  fail 'no rpm2cpio or cpio: the .rpm was not looked into'
else
  echo "test/dist.sh: no rpm2cpio or cpio: the .rpm was not looked into"
fi

# The tarball is for /usr/local.
mkdir "$work/tar"
tar -C "$work/tar" --strip-components=1 -xzf "$DIST"/*"-linux-$arch.tar.gz"
grep -q '"/usr/local/bin/rc"' "$work/tar/lib/systemd/user/rc-restart.service" || fail "the tarball: the unit does not start /usr/local/bin/rc"
[ "$("$work/tar/bin/rc" --version)" = "$("$work/bin/rc" --version)" ] || fail "the tarball: rc is another one"
{ [ -x "$work/tar/libexec/rc/rc-shim" ] && [ -f "$work/tar/share/man/man1/rc-run.1" ]; } || fail "the tarball lacks files"

if [ "$failed" = 0 ]; then echo "--- PASS: TestDist"; else echo "--- FAIL: TestDist"; fi
exit "$failed"
