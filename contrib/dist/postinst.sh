#!/bin/sh
# After installation: a profile where AppArmor keeps user namespaces from programs that have none (Ubuntu 24.04).
set -e
profile=/etc/apparmor.d/rc
if [ -e /proc/sys/kernel/apparmor_restrict_unprivileged_userns ] && [ -e /etc/apparmor.d/abi/4.0 ]; then
  # One that somebody has changed stays as it is.
  [ -e "$profile" ] || cp /usr/share/rc-containers/apparmor/rc "$profile"
  if command -v apparmor_parser >/dev/null; then apparmor_parser -r -T -W "$profile" || true; fi
fi
exit 0
