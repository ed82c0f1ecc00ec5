#!/usr/bin/env bash
# Run by demo.sh as an ordinary user: gets an image, runs a container, shows what it saw.
set -euo pipefail
stage=$(cd "$(dirname "$0")" && pwd)
PATH=$stage/bin:$PATH

# A store of its own: the demo leaves nothing behind.
home=$(mktemp -d "${TMPDIR:-/var/tmp}/rc-demo.XXXXXX")
clean() { rc unshare rm -rf "$home" || rm -rf "$home"; }
trap clean EXIT
export XDG_DATA_HOME=$home

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# Any answer counts; a name that does not resolve or a refused connection is none.
registry_answers() { timeout 5 bash -c 'exec 3<>/dev/tcp/registry-1.docker.io/443' 2>/dev/null; }

say "You are $(id -un) ($(id -u)); no root, no daemon. $(rc --version)"
if registry_answers && timeout 120 rc pull alpine; then
  image=alpine
  echo "image: alpine, from its registry"
elif [ -e "$stage/rootfs" ]; then
  image=localhost/demo-rootfs
  rc import "$stage/rootfs" "$image" >/dev/null
  echo "image: the archive RC_DEMO_ROOTFS (no answer from the registry within 5 s)"
else
  image=localhost/demo-busybox
  rc import -c 'CMD=["sh"]' "$stage/busybox.tar" "$image" >/dev/null
  echo "image: made here of the distribution's busybox-static (no answer from the registry within 5 s)"
fi

# Limits need controllers that systemd delegates to the user; without them rc refuses to pretend.
limits=()
controllers=/sys/fs/cgroup/user.slice/user-$(id -u).slice/user@$(id -u).service/cgroup.controllers
if grep -qw memory "$controllers" 2>/dev/null && grep -qw pids "$controllers"; then
  limits=(--memory 256m --pids-limit 100)
fi

command=(rc run --rm "${limits[@]}" -v "$stage/inside.sh:/inside.sh:ro" "$image" sh /inside.sh)
say "\$ ${command[*]}"
begin=$(date +%s%N)
"${command[@]}"
first=$((($(date +%s%N) - begin) / 1000))
((${#limits[@]})) || echo "limits     no memory and pids controllers are delegated to this user here; none were asked for"

say "Time"
echo "that run took $((first / 1000)).$((first / 100 % 10)) ms, with all its commands"
best=
for _ in 1 2 3 4 5; do
  begin=$(date +%s%N)
  rc run --rm --network none "$image" true
  took=$((($(date +%s%N) - begin) / 1000))
  if [ -z "$best" ] || ((took < best)); then best=$took; fi
done
echo "rc run --rm --network none $image true: $((best / 1000)).$((best / 100 % 10)) ms (best of 5)"

say "Left behind: $(rc ps --all --quiet | wc -l) containers"
echo "Try it: bin/rc run --rm -it alpine sh"
