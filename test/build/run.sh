#!/usr/bin/env bash
# run.sh [go test flags]: as an ordinary user, builds the corpus with rc and buildah and compares the images, and makes real
# images: of Go programs, and with apt-get. The Debian root filesystem for them is kept in RC_BUILD_CACHE (else
# $XDG_CACHE_HOME/rc-build).
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/setup/root.sh

stage=$(mktemp -d "${TMPDIR:-/var/tmp}/rc-build-bin.XXXXXX")
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
CGO_ENABLED=0 go test -tags containers_image_openpgp,exclude_graphdriver_btrfs -c -o "$stage/build.test" ./test/build
cp -r bin test/build/corpus test/again.sh "$stage/"
export RC_HOST_DIR=$stage
# Tests wait for disks more than for processors.
flags=(-test.parallel 4 -test.timeout 20m "${@/#-run/-test.run}")

# The one that everybody can read, not a toolchain of the module cache.
RC_BUILD_GOROOT=$(GOTOOLCHAIN=local go env GOROOT)
export RC_BUILD_GOROOT
cache=${RC_BUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rc-build}
mkdir -p "$cache"
if [ -s "$cache/debian.tar" ] || test/build/debian.sh "$cache/debian.tar"; then
  ln "$cache/debian.tar" "$stage/" 2>/dev/null || cp "$cache/debian.tar" "$stage/"
  export RC_BUILD_DEBIAN=$stage/debian.tar
fi

if [ "$(id -u)" != 0 ]; then
  cd "$stage"
  ./again.sh ./build.test "${flags[@]}"
  exit
fi
echo "== Dockerfiles as $(container_user)"
test/host/run.sh "$(container_user)" ./again.sh ./build.test "${flags[@]}"
