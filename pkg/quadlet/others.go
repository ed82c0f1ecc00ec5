package quadlet

import (
	"path/filepath"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/quadlet/unitfile"
)

// lacks says that the section has not got what it must have; where a key is misspelt, that is why.
func (c *conversion) lacks(what string) {
	if c.misspelt {
		return
	}
	c.problems = append(c.problems, errs.Invalidf("%s: [%s] has no %s", c.src.file.Section(c.section).Pos, c.section, what))
}

// imageKeys are those of [Image], podman-image.unit(5).
func imageKeys() []key {
	return []key{
		special("Image"), special("ImageTag"),
		one("Arch", "--arch"), one("AuthFile", "--authfile"), one("CertDir", "--cert-dir"), one("Creds", "--creds"),
		{name: "DecryptionKey", refused: "rc does not decrypt images"},
		one("OS", "--os"), one("Policy", "--policy"), one("Variant", "--variant"), one("Retry", "--retry"), one("RetryDelay", "--retry-delay"),
		boolean("AllTags", "--all-tags"), boolean("TLSVerify", "--tls-verify"),
	}
}

// pull makes the unit of an .image.
func (c *conversion) pull() {
	image := c.value("Image")
	if image == "" {
		c.lacks("Image=")
	}
	c.arg("image", "pull")
	c.runOnce(image)
}

// volumeKeys are those of [Volume], podman-volume.unit(5).
func volumeKeys() []key {
	return []key{
		special("VolumeName"), special("Copy"), special("Device"), special("Type"), special("Options"), special("User"), special("Group"),
		{name: "Driver", flag: "--driver", add: volumeDriver},
		{name: "Image", refused: "rc has no volumes of images; a container can have Mount=type=image,source=IMAGE,destination=DIRECTORY"},
		one("UID", "--uid"), one("GID", "--gid"), pairs("Label", "--label"),
	}
}

func volumeDriver(c *conversion, k key) {
	if e, ok := c.last(k.name); ok && unquote(e.Value) == "image" {
		c.problem(e, "not supported: local is rc's only driver; a container can have Mount=type=image,source=IMAGE,destination=DIRECTORY")
	}
	addOne(c, k)
}

// volume makes the unit of a .volume.
func (c *conversion) volume() {
	c.arg("volume", "create", "--ignore")
	if on, ok := c.boolean("Copy"); ok && on {
		c.arg("--opt", "copy")
	} else if ok {
		c.arg("--opt", "nocopy")
	}
	var options []string
	for _, k := range []struct{ key, option string }{{"User", "uid="}, {"Group", "gid="}} {
		if e, ok := c.last(k.key); ok {
			if strings.Trim(unquote(e.Value), "0123456789") != "" {
				c.problem(e, "want a number")
			}
			options = append(options, k.option+unquote(e.Value))
		}
	}
	device := c.value("Device")
	if device != "" {
		c.arg("--opt", "device="+device)
	}
	if e, ok := c.last("Type"); ok {
		if device == "" {
			c.problem(e, "without Device=")
		}
		c.arg("--opt", "type="+unquote(e.Value))
		if unquote(e.Value) == "bind" && device != "" {
			c.out.Add(unitSection, "RequiresMountsFor", unitfile.Quote(device))
		}
	}
	if v := c.value("Options"); v != "" {
		options = append(options, v)
	}
	if len(options) > 0 {
		c.arg("--opt", "o="+strings.Join(options, ","))
	}
	c.runOnce(c.src.resource())
}

// networkKeys are those of [Network], podman-network.unit(5).
func networkKeys() []key {
	return []key{
		special("NetworkName"), special("NetworkDeleteOnStop"), special("Subnet"), special("Gateway"), special("IPRange"),
		boolean("DisableDNS", "--disable-dns"), boolean("Internal", "--internal"), boolean("IPv6", "--ipv6"),
		one("Driver", "--driver"), one("IPAMDriver", "--ipam-driver"), one("InterfaceName", "--interface-name"),
		all("DNS", "--dns"), pairs("Options", "--opt"), pairs("Label", "--label"),
	}
}

// network makes the unit of a .network.
func (c *conversion) network() {
	name := c.src.resource()
	if on, _ := c.boolean("NetworkDeleteOnStop"); on {
		c.line("ExecStopPost", append(c.rc(), "network", "rm", name))
	}
	c.arg("network", "create", "--ignore")
	subnets := c.values("Subnet")
	for i, e := range subnets {
		c.arg("--subnet", unquote(e.Value))
		for _, k := range []struct{ key, flag string }{{"Gateway", "--gateway"}, {"IPRange", "--ip-range"}} {
			if list := c.values(k.key); i < len(list) {
				c.arg(k.flag, unquote(list[i].Value))
			}
		}
	}
	for _, key := range []string{"Gateway", "IPRange"} {
		if list := c.values(key); len(list) > len(subnets) {
			c.problem(list[len(subnets)], "there are fewer Subnet= than %s=", key)
		}
	}
	c.runOnce(name)
}

// buildKeys are those of [Build], podman-build.unit(5).
func buildKeys() []key {
	return []key{
		special("File"), special("SetWorkingDirectory"), prefixedArgument("Pull", "--pull="),
		one("Arch", "--arch"), one("AuthFile", "--authfile"), one("IgnoreFile", "--ignorefile"), one("Target", "--target"),
		one("Variant", "--variant"), one("Retry", "--retry"), one("RetryDelay", "--retry-delay"),
		boolean("TLSVerify", "--tls-verify"), boolean("ForceRM", "--force-rm"),
		all("DNS", "--dns"), all("DNSOption", "--dns-option"), all("DNSSearch", "--dns-search"), all("GroupAdd", "--group-add"),
		all("ImageTag", "--tag"),
		pairs("BuildArg", "--build-arg"), pairs("Environment", "--env"), pairs("Label", "--label"), pairs("Annotation", "--annotation"),
		{name: "Network", flag: "--network", add: networks},
		words("Secret", "--secret", ""),
		{name: "Volume", flag: "-v", add: volumes},
	}
}

// prefixedArgument is a key whose flag takes its value behind = only.
func prefixedArgument(name, prefix string) key {
	return key{name: name, add: func(c *conversion, k key) {
		if v := c.value(k.name); v != "" {
			c.arg(prefix + v)
		}
	}}
}

// build makes the unit of a .build.
func (c *conversion) build() {
	if c.src.resource() == "" {
		c.lacks("ImageTag=")
	}
	c.arg("build")
	c.addKeys()
	context, directory := c.workingDirectory()
	file, hasFile := c.last("File")
	path := unquote(file.Value)
	switch {
	case !hasFile && context == "" && directory == "":
		c.lacks("SetWorkingDirectory= or File=")
	case hasFile:
		c.arg("--file", path)
	}
	c.podmanArgs()
	switch {
	case context != "":
		c.arg(context)
	case hasFile && (filepath.IsAbs(path) || isURL(path) || strings.HasPrefix(path, "%") && !strings.HasPrefix(path, "%%")):
		// rc takes the directory of the file.
	case directory != "":
		c.arg(directory)
	case hasFile:
		c.problem(file, "a relative path needs SetWorkingDirectory=")
	}
	c.line("ExecStart", c.command)
	c.oneshot()
}

// workingDirectory is what SetWorkingDirectory= means: what the image is built of, if it says so,
// and the directory in which rc build is started.
func (c *conversion) workingDirectory() (context, directory string) {
	given, _ := c.out.Last(serviceSection, "WorkingDirectory")
	e, ok := c.last("SetWorkingDirectory")
	if !ok {
		return "", given.Value
	}
	switch value := unquote(e.Value); strings.ToLower(value) {
	case "unit":
		directory = unitfile.Literal(c.dir())
	case "file":
		file := c.value("File")
		if file == "" {
			c.problem(e, "without File=")
		}
		directory = filepath.Dir(c.path(file))
	case "yaml":
		c.problem(e, "that is for .kube files")
	default:
		context = value
		if !filepath.IsAbs(value) && !isURL(value) {
			directory = unitfile.Literal(c.dir())
		}
	}
	if given.Value != "" {
		return context, given.Value
	}
	if directory != "" {
		c.out.Add(serviceSection, "WorkingDirectory", directory)
	}
	return context, directory
}

// isURL reports whether rc build would fetch it.
func isURL(s string) bool {
	for _, prefix := range []string{"http://", "https://", "git://", "github.com/"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}
