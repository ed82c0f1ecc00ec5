# shellcheck shell=dash
# Runs in the container, with a shell as small as BusyBox's.
row() { printf '%-10s %s\n' "$1" "$2"; }
row ids "$(id)"
row "id map" "$(tr -s ' ' </proc/self/uid_map | tr '\n' ';')"
row hostname "$(hostname)"
row system "$(. /etc/os-release; echo "$PRETTY_NAME"), Linux $(uname -r)"
row cgroup "$(sed -n 's/^0:://p' /proc/self/cgroup)"
for file in memory.max pids.max cpu.max; do
  if [ -r "/sys/fs/cgroup/$file" ]; then row "$file" "$(cat "/sys/fs/cgroup/$file")"; fi
done
row nofile "$(ulimit -n)"
row caps "$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status) (effective)"
row seccomp "$(sed -n 's/^Seccomp:[[:space:]]*//p' /proc/self/status) (2: filtered)"
row processes ''
ps | sed 's/^/           /'
row mounts ''
awk '{ printf "           %-28s %s\n", $2, $3 }' /proc/mounts
