#!/bin/sh
# After removal: dpkg says purge, rpm 0 where no other version stays. What containers users have is theirs.
set -e
case "${1:-}" in
  purge | 0)
    profile=/etc/apparmor.d/rc
    if [ -e "$profile" ]; then
      if command -v apparmor_parser >/dev/null; then apparmor_parser -R "$profile" 2>/dev/null || true; fi
      rm -f "$profile"
    fi
    ;;
esac
exit 0
