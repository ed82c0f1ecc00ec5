#!/usr/bin/env bash
# lint.sh        golangci-lint at the version below (built once into .cache/bin, which takes minutes),
#                else go vet and gofmt; shellcheck where there is one
# lint.sh fmt    format the Go code
set -euo pipefail
cd "$(dirname "$0")/.."
. test/setup/root.sh
version=v2.15.0
tags=containers_image_openpgp,exclude_graphdriver_btrfs

linter() {
  local candidate
  for candidate in .cache/bin/golangci-lint "$(go env GOPATH)/bin/golangci-lint"; do
    if [ -x "$candidate" ] && "$candidate" version 2>/dev/null | grep -q "version ${version#v} "; then
      echo "$candidate"
      return
    fi
  done
  echo "building golangci-lint $version into .cache/bin" >&2
  GOBIN=$PWD/.cache/bin go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version" >&2 || return 1
  echo .cache/bin/golangci-lint
}

if lint=$(linter); then
  if [ "${1:-}" = fmt ]; then exec "$lint" fmt; fi
  "$lint" run --allow-serial-runners
else
  echo "golangci-lint $version is not to be had: go vet and gofmt instead" >&2
  if [ "${1:-}" = fmt ]; then exec gofmt -w cmd pkg test; fi
  go vet -tags "$tags" ./...
  unformatted=$(gofmt -l cmd pkg test)
  if [ -n "$unformatted" ]; then echo "not formatted: $unformatted" >&2; exit 1; fi
fi
if command -v shellcheck >/dev/null; then
  git ls-files -z --cached --others --exclude-standard '*.sh' .ci/run | xargs -0 shellcheck -x -P SCRIPTDIR
fi
