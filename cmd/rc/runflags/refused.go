package runflags

import "github.com/rc-containers/rc/cmd/rc/cli"

// refusals are flags of docker run and podman run that rc refuses, each with the reason.
func refusals() []cli.Refusal {
	const (
		windows = "it is for Windows"
		v2      = "cgroup v2 has nothing like it"
		notYet  = "not supported yet"
	)
	return []cli.Refusal{
		{Name: "conmon-pidfile", Why: "there is no conmon", Hint: "--pidfile for the pid of the container; a unit needs none: --sdnotify conmon tells systemd"},
		{Name: "cpu-count", Why: windows},
		{Name: "cpu-percent", Why: windows},
		{Name: "cpu-rt-period", Why: v2, Harmless: []string{"0"}},
		{Name: "cpu-rt-runtime", Why: v2, Harmless: []string{"0"}},
		{Name: "init-path", Why: "the init of --init is rc-shim's own"},
		{Name: "io-maxbandwidth", Why: windows, Hint: "--device-read-bps, --device-write-bps"},
		{Name: "io-maxiops", Why: windows, Hint: "--device-read-iops, --device-write-iops"},
		{Name: "isolation", Why: windows, Harmless: []string{"", "default"}},
		{Name: "kernel-memory", Why: v2, Hint: "--memory counts the kernel's, too", Harmless: []string{"0"}},
		{Name: "link", Why: "containers find each other by their networks", Hint: "rc network create NAME, then --network NAME for both"},
		{Name: "link-local-ip", Why: notYet, Hint: "--ip, --ip6"},
		{Name: "memory-swappiness", Why: v2, Hint: "--memory-swap", Harmless: []string{"-1"}},
		{Name: "oom-kill-disable", Why: v2, Hint: "--oom-score-adj", Harmless: []string{"false"}, Switch: true},
		{Name: "pod", Why: "pods are not supported yet", Hint: "--network container:NAME shares a network", Harmless: []string{""}},
		{Name: "pod-id-file", Why: "pods are not supported yet"},
		{Name: "rdt-class", Why: "only root can assign classes of the cache"},
		{Name: "runtime", Why: "rc is its own runtime, and starts no other"},
		{Name: "seccomp-policy", Why: "images bring no seccomp profiles", Hint: "--security-opt seccomp=FILE", Harmless: []string{"default"}},
		{Name: "use-api-socket", Why: "there is no daemon, and so no socket", Switch: true, Harmless: []string{"false"}},
	}
}
