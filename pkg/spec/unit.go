package spec

// Who tells systemd that a unit of Type=notify has started (--sdnotify): what runs in the container,
// rc-shim when that runs, rc-shim when the healthcheck succeeds, or nobody.
const (
	NotifyContainer = "container"
	NotifyConmon    = "conmon"
	NotifyHealthy   = "healthy"
	NotifyIgnore    = "ignore"
)

// The socket that a container with NotifyContainer finds as NOTIFY_SOCKET: podman's path.
const (
	NotifyDir  = "/run/notify"
	NotifyName = "notify.sock"
)

// Variables by which systemd hands sockets over: sd_listen_fds(3).
const (
	ListenFDs   = "LISTEN_FDS"
	ListenPID   = "LISTEN_PID"
	ListenNames = "LISTEN_FDNAMES"
)

// UnitLabel is the label, and the variable, that names the unit which makes a container at each start: podman's.
const UnitLabel = "PODMAN_SYSTEMD_UNIT"

// QuadletVariable is set in the units of rc's own quadlets, to the same.
const QuadletVariable = "RC_SYSTEMD_UNIT"

// UnitVariables are what a unit, or systemd, tells one process of it: not to be handed on with --env-host.
func UnitVariables() []string {
	return []string{
		"NOTIFY_SOCKET", ListenFDs, ListenPID, ListenNames, "WATCHDOG_PID", "WATCHDOG_USEC", "MAINPID",
		"INVOCATION_ID", "JOURNAL_STREAM", UnitLabel, QuadletVariable,
	}
}
