#!/usr/bin/env bash
# debian.sh FILE: writes the root filesystem of a small Debian as a tar archive, made of packages; as root, or as a user with
# subordinate ids. Exit code 77: there is no mmdebstrap, or no mirror answers.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
command -v mmdebstrap >/dev/null || { echo "mmdebstrap is not installed" >&2; exit 77; }
sources=/etc/apt/sources.list.d/debian.sources
[ -s "$sources" ] || sources=/etc/apt/sources.list
timeout 10 bash -c 'exec 3<>/dev/tcp/deb.debian.org/80' 2>/dev/null || { echo "no answer from deb.debian.org" >&2; exit 77; }
mmdebstrap --quiet --variant=apt --format=tar bookworm "$1.new" - <"$sources"
mv "$1.new" "$1"
