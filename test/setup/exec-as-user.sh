#!/usr/bin/env bash
# `go test -exec` runs this with a test binary and its arguments, in the package's directory: it
# runs the binary as $RC_UNIT_USER on test host (1), in the same directory of the copy in $RC_UNIT_TREE.
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
directory=$RC_UNIT_TREE${PWD#"$repository"}
# A go-build directory is only for who made it.
binary=$directory/$(basename "$1")
install -m 755 "$1" "$binary"
export RC_HOST_DIR=$directory
exec "$repository/test/host/run.sh" "$RC_UNIT_USER" "$binary" "${@:2}"
