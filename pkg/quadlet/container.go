package quadlet

import (
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/quadlet/unitfile"
)

// containerKeys are those of [Container], podman-container.unit(5).
func containerKeys() []key {
	return slices.Concat([]key{
		special("ContainerName"), special("Image"), special("Rootfs"), special("Exec"),
		special("CgroupsMode"), special("Notify"), special("ReloadCmd"), special("ReloadSignal"),
		special("User"), special("Group"), special("Entrypoint"),
		{name: "Pod", refused: "rc has no pods yet"},
		special("StartWithPod"), // without Pod= there is nothing to start with
		one("LogDriver", "--log-driver"), list("LogOpt", "--log-opt"),
		one("Timezone", "--tz"), one("PidsLimit", "--pids-limit"), one("ShmSize", "--shm-size"), one("WorkingDir", "--workdir"),
		one("HostName", "--hostname"), one("StopSignal", "--stop-signal"), one("StopTimeout", "--stop-timeout"),
		one("Pull", "--pull"), one("Memory", "--memory"), one("Retry", "--retry"), one("RetryDelay", "--retry-delay"),
		one("ImageVolume", "--image-volume"), one("Umask", "--umask"),
		all("Ulimit", "--ulimit"), all("GroupAdd", "--group-add"),
		boolean("RunInit", "--init"), boolean("EnvironmentHost", "--env-host"), boolean("HttpProxy", "--http-proxy"),
		boolean("ReadOnly", "--read-only"), boolean("ReadOnlyTmpfs", "--read-only-tmpfs"),
		{name: "Network", flag: "--network", add: networks},
		all("NetworkAlias", "--network-alias"), one("IP", "--ip"), one("IP6", "--ip6"),
		all("DNS", "--dns"), all("DNSOption", "--dns-option"), all("DNSSearch", "--dns-search"), all("AddHost", "--add-host"),
		{name: "ExposeHostPort", flag: "--expose", add: exposed},
		all("PublishPort", "--publish"),
	}, securityKeys(), userKeys(), []key{
		{name: "Volume", flag: "-v", add: volumes},
		{name: "Mount", flag: "--mount", add: mounts},
		all("Tmpfs", "--tmpfs"),
		{name: "VolatileTmp", add: volatileTmp},
		{name: "AutoUpdate", flag: "--label", prefix: "io.containers.autoupdate=", add: autoUpdate},
		pairs("Environment", "--env"), pairs("Label", "--label"), pairs("Annotation", "--annotation"),
		{name: "EnvironmentFile", flag: "--env-file", add: environmentFiles},
		words("Secret", "--secret", ""),
	}, healthKeys())
}

func securityKeys() []key {
	const flag = "--security-opt"
	return []key{
		when("NoNewPrivileges", flag+"=no-new-privileges"), when("SecurityLabelDisable", flag, "label=disable"),
		when("SecurityLabelNested", flag, "label=nested"), secured("SecurityLabelType", "label=type:"),
		secured("SecurityLabelFileType", "label=filetype:"), secured("SecurityLabelLevel", "label=level:"),
		secured("AppArmor", "apparmor="), secured("SeccompProfile", "seccomp="),
		{name: "AddDevice", flag: "--device", add: devices},
		list("DropCapability", "--cap-drop"), list("AddCapability", "--cap-add"), list("Sysctl", "--sysctl"),
		words("Mask", flag, "mask="), words("Unmask", flag, "unmask="),
	}
}

func healthKeys() []key {
	names := []struct{ key, flag string }{
		{"Cmd", "cmd"},
		{"Interval", "interval"},
		{"OnFailure", "on-failure"},
		{"LogDestination", "log-destination"},
		{"MaxLogCount", "max-log-count"},
		{"MaxLogSize", "max-log-size"},
		{"Retries", "retries"},
		{"StartPeriod", "start-period"},
		{"Timeout", "timeout"},
		{"StartupCmd", "startup-cmd"},
		{"StartupInterval", "startup-interval"},
		{"StartupRetries", "startup-retries"},
		{"StartupSuccess", "startup-success"},
		{"StartupTimeout", "startup-timeout"},
	}
	keys := make([]key, 0, len(names))
	for _, n := range names {
		keys = append(keys, one("Health"+n.key, "--health-"+n.flag))
	}
	return keys
}

// container makes the unit of a .container: rc run in the background, watched through sd_notify(3).
func (c *conversion) container() {
	name := c.src.resource()
	c.out.Add(serviceSection, "Environment", "PODMAN_SYSTEMD_UNIT=%n RC_SYSTEMD_UNIT=%n")
	if e, ok := c.out.Last(serviceSection, "KillMode"); ok && e.Value != "" && e.Value != "mixed" && e.Value != "control-group" {
		c.problem(e, "the container would not be stopped by rc: want mixed or control-group")
	}
	// The shim alone is told, so that the container can end as it is used to.
	c.out.Default(serviceSection, "KillMode", "mixed")
	remove := append(c.rc(), "rm", "-v", "-f", "-i", name)
	c.line("ExecStop", remove)
	// Where the shim was killed, there is no ExecStop.
	c.out.Add(serviceSection, "ExecStopPost", "-"+unitfile.Join(remove))
	c.reload(name)
	c.out.Add(serviceSection, "Delegate", "yes")

	c.arg("run", "--name", name, "--replace", "--rm")
	if mode := c.value("CgroupsMode"); mode != "" {
		c.arg("--cgroups=" + mode)
	} else {
		c.arg("--cgroups=split")
	}
	c.notify()
	c.out.Default(serviceSection, "SyslogIdentifier", "%N")
	if e, ok := c.src.file.Last(c.section, "Entrypoint"); ok { // an empty one is none
		c.arg("--entrypoint=" + unquote(e.Value))
	}
	c.user()
	c.addKeys()
	c.podmanArgs()
	c.root()
	if e, ok := c.src.file.Last(c.section, "Exec"); ok {
		c.arg(c.split(e, unitfile.Words)...)
	}
	c.line("ExecStart", c.command)
}

// notify decides who says that the unit has started. Of Type=oneshot it is the command's end.
func (c *conversion) notify() {
	kind, given := c.out.Last(serviceSection, "Type")
	switch kind.Value {
	case "oneshot":
		return
	case "", "notify":
		if e, ok := c.out.Last(serviceSection, "ExecStart"); ok && e.Value != "" {
			c.problem(e, "rc makes the unit's only ExecStart=; what the container runs is [Container] Exec=")
		}
	default:
		c.problem(kind, "want notify or oneshot")
	}
	if !given || kind.Value == "" {
		c.out.Add(serviceSection, "Type", "notify")
	}
	c.out.Remove(serviceSection, "NotifyAccess")
	c.out.Add(serviceSection, "NotifyAccess", "all")
	switch value := c.value("Notify"); {
	case strings.EqualFold(value, "healthy"):
		c.arg("--sdnotify=healthy")
	default:
		if on, _ := c.boolean("Notify"); on {
			c.arg("--sdnotify=container")
		} else {
			c.arg("--sdnotify=conmon")
		}
	}
	c.arg("-d")
}

// root adds the image or the directory that the container is made of.
func (c *conversion) root() {
	image, hasImage := c.last("Image")
	rootfs, hasRootfs := c.last("Rootfs")
	switch {
	case hasImage && hasRootfs:
		c.problem(rootfs, "together with Image=")
	case hasImage:
		c.arg(c.image(image, unquote(image.Value)))
	case hasRootfs:
		c.arg("--rootfs", unquote(rootfs.Value))
	default:
		c.lacks("Image= or Rootfs=")
	}
}

// reload adds what systemctl reload does.
func (c *conversion) reload(name string) {
	command, hasCommand := c.last("ReloadCmd")
	signal, hasSignal := c.last("ReloadSignal")
	switch {
	case hasCommand && hasSignal:
		c.problem(signal, "together with ReloadCmd=")
	case hasCommand:
		c.line("ExecReload", append(append(c.rc(), "exec", name), c.split(command, unitfile.Words)...))
	case hasSignal:
		c.line("ExecReload", append(c.rc(), "kill", "--signal", unquote(signal.Value), name))
	}
}

// user adds User= and Group=.
func (c *conversion) user() {
	user, group := c.value("User"), c.value("Group")
	switch {
	case user != "" && group != "":
		c.arg("--user", user+":"+group)
	case user != "":
		c.arg("--user", user)
	case group != "":
		e, _ := c.last("Group")
		c.problem(e, "without User=")
	}
}

func exposed(c *conversion, k key) {
	for _, e := range c.values(k.name) {
		c.arg(k.flag, strings.TrimSpace(unquote(e.Value)))
	}
}

// devices adds AddDevice=; a - before one leaves it out where it is not there.
func devices(c *conversion, k key) {
	for _, e := range c.values(k.name) {
		for _, word := range c.split(e, unitfile.List) {
			path, _, _ := strings.Cut(word, ":")
			if device, absent := optional(word, path); !absent {
				c.arg(k.flag, device)
			}
		}
	}
}

// environmentFiles adds EnvironmentFile=; a - before one leaves it out where it is not there.
func environmentFiles(c *conversion, k key) {
	for _, word := range c.words(k.name) {
		path, _ := optional(word, "")
		path = c.path(path)
		if _, absent := optional(word, path); !absent {
			c.arg(k.flag, path)
		}
	}
}

// autoUpdate adds the label by which rc auto-update knows the container.
func autoUpdate(c *conversion, k key) {
	e, ok := c.last(k.name)
	if !ok {
		return
	}
	if v := unquote(e.Value); v != "registry" && v != "local" {
		c.problem(e, "want registry or local")
	}
	addOne(c, k)
}

// volatileTmp is for files of podman 4.
func volatileTmp(c *conversion, k key) {
	readOnly, _ := c.boolean("ReadOnly")
	if on, _ := c.boolean(k.name); on && !readOnly {
		c.arg("--tmpfs", "/tmp:rw,size=512M,mode=1777")
	}
}
