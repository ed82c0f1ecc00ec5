#!/usr/bin/env bash
# Runs each fuzz target for $FUZZTIME (30s); what breaks one is kept below its testdata/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/setup/root.sh
tags=containers_image_openpgp,exclude_graphdriver_btrfs
passed=0 failed=0
while IFS=: read -r file target; do
  package=./$(dirname "$file")
  echo "== $package $target"
  if go test -tags "$tags" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" "$package"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
done < <(grep -r -o -E '^func Fuzz[A-Za-z0-9_]+' --include '*_test.go' cmd pkg | sed 's/:func /:/')
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
