#!/usr/bin/env bash
# run.sh [go test flags]: builds the corpus with rc and buildah as an ordinary user, and compares the images.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/setup/root.sh

stage=$(mktemp -d "${TMPDIR:-/var/tmp}/rc-build-bin.XXXXXX")
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
CGO_ENABLED=0 go test -tags containers_image_openpgp,exclude_graphdriver_btrfs -c -o "$stage/build.test" ./test/build
cp -r bin test/build/corpus "$stage/"
export RC_HOST_DIR=$stage
flags=(-test.timeout 15m "${@/#-run/-test.run}")

if [ "$(id -u)" != 0 ]; then
  cd "$stage"
  ./build.test "${flags[@]}"
  exit
fi
echo "== Dockerfiles as $(container_user)"
test/host/run.sh "$(container_user)" ./build.test "${flags[@]}"
