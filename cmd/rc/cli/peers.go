package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/errs"
)

// Lack is what docker or podman has and rc has not, and why. It costs nothing until somebody asks for it: unlike a
// Refusal it is not declared, but found when a command line has it.
type Lack struct {
	// Verb is the path below rc, "" for flags that come before it. A verb that is also below a noun stands here without.
	Verb string
	// Flags are names without dashes, with spaces between them; "" where the verb itself is what lacks.
	Flags string
	Why   string
	// Hint is what to do instead, "" for nothing.
	Hint string
}

// Lacks are all of them.
func Lacks() []Lack {
	return slices.Concat(lackingVerbs(), lackingGlobals(), lackingOfImages(), lackingOthers())
}

// lackingVerbs are verbs, also of nouns.
func lackingVerbs() []Lack {
	const (
		cluster   = "rc works on one machine, without a cluster"
		pods      = "pods are not supported yet"
		podsHint  = "rc run --network container:NAME shares a network"
		criu      = "CRIU wants root"
		artifacts = "artifacts are not supported yet"
		daemon    = "there is no daemon to reach"
	)
	return []Lack{
		{"artifact", "", artifacts, ""},
		{"compose", "", "not supported yet", ""},
		{"pod", "", pods, podsHint},
		{"kube", "", pods, podsHint},
		{"play", "", pods, podsHint},
		{"checkpoint", "", criu, ""},
		{"restore", "", criu, ""},
		{"trust", "", "policy.json says what may be pulled", ""},
		{"context", "", "there is no daemon to choose", ""},
		{"plugin", "", "rc has no plugins", ""},
		{"machine", "", "rc needs no virtual machine on Linux, and runs nowhere else", ""},
		{"farm", "", "rc builds on this machine only", ""},
		{"swarm", "", cluster, ""},
		{"service", "", cluster, ""},
		{"stack", "", cluster, ""},
		{"node", "", cluster, ""},
		{"config", "", cluster, ""},
		{"container checkpoint", "", criu, ""},
		{"container restore", "", criu, ""},
		{"container clone", "", "not supported yet", "rc commit, then rc run"},
		{"container runlabel", "", "rc runs no commands out of images", "rc image inspect shows the labels"},
		{"generate spec", "", "pods and kube are not supported yet", "rc inspect"},
		{"generate kube", "", "pods and kube are not supported yet", "rc generate systemd"},
		{"image scp", "", "not supported yet", "rc save IMAGE | ssh HOST rc load"},
		{"image sign", "", "rc does not sign images", "cosign sign NAME@DIGEST"},
		{"image trust", "", "policy.json says what may be pulled", ""},
		{"system connection", "", daemon, "ssh HOST rc …"},
		{"system renumber", "", "there are no locks with numbers", ""},
		{"system service", "", "there is no API socket yet", ""},
		{"system dial-stdio", "", daemon, ""},
		{"volume reload", "", "rc has no plugins of volumes", ""},
		{"volume update", "", cluster, ""},
		{"buildx bake", "", "not supported yet", "rc build"},
		{"buildx create", "", "there is one builder, and it is always there", ""},
		{"buildx use", "", "there is one builder, and it is always there", ""},
		{"buildx inspect", "", "there is one builder, and it is always there", "rc info"},
		{"buildx rm", "", "there is one builder, and it is always there", "rc builder prune"},
		{"buildx stop", "", "no builder runs between builds", ""},
		{"buildx imagetools", "", "not supported yet", "rc manifest"},
	}
}

// lackingGlobals are flags that come before the verb.
func lackingGlobals() []Lack {
	const (
		daemon = "there is no daemon to reach"
	)
	return []Lack{
		{"", "connection url identity ssh remote context host tls tlscacert tlscert tlskey tlsverify tls-ca tls-cert tls-key", daemon, "ssh HOST rc …"},
		{"", "config", "the directory of docker's client", "DOCKER_CONFIG=DIRECTORY rc …"},
		{"", "conmon", "there is no conmon", ""},
		{"", "runtime runtime-flag", "rc is its own runtime, and starts no other", ""},
		{"", "events-backend", "events are in a file in --runroot", ""},
		{"", "imagestore volumepath transient-store", "all of it is in --root and --runroot", "--root DIRECTORY --runroot DIRECTORY"},
		{"", "network-cmd-path", "programs are those on PATH, or in helper_binaries_dir of containers.conf", ""},
		{"", "network-config-dir", "networks are in --root", ""},
		{"", "out", "not supported", "rc … >FILE"},
		{"", "syslog", "rc logs to its standard error", "rc … 2>&1 | logger"},
	}
}

// lackingOfImages are flags of verbs about images.
func lackingOfImages() []Lack {
	const (
		artifacts = "artifacts are not supported yet"
		oneEach   = "an image here is of one platform"
		defaults  = "the numbers in an image are those of the default map"
		insecure  = "it has podman's name"
		sbom      = "rc makes no lists of packages"
	)
	return []Lack{
		{"build", "cache-ttl", "steps are kept until they are pruned", "rc builder prune --filter until=24h"},
		{"build", "compat-volumes", "what RUN writes into a VOLUME stays, as with docker", ""},
		{"build", "created-annotation rewrite-timestamp", "times are set all or none", "--timestamp SECONDS"},
		{"build", "disable-compression", "layers are kept uncompressed, and compressed by push and save", ""},
		{"build", "inherit-annotations inherit-labels unsetannotation", "not supported yet", "--unsetlabel"},
		{"build", "layer-label", "steps are images to nobody", "--label"},
		{"build", "logsplit", "not supported yet", "rc build --platform … --logfile …, one by one"},
		{"build", "omit-history", "not supported yet", "--squash"},
		{"build", "os-feature os-version", "they are Windows's", ""},
		{"build", "sbom-image-output sbom-image-purl-output sbom-merge-strategy sbom-output sbom-purl-output sbom-scanner-command sbom-scanner-image", sbom, "syft IMAGE"},
		{"build", "userns-gid-map userns-gid-map-group userns-uid-map userns-uid-map-user", defaults, ""},
		{"buildx prune", "min-free-space", "what is free is the user's, not the builder's", "--max-used-space"},
		{"history", "platform", oneEach, ""},
		{"image inspect", "platform", oneEach, ""},
		{"images", "tree", "it is a verb", "rc image tree IMAGE"},
		{"manifest add", "artifact-config artifact-config-type artifact-exclude-titles artifact-layer-type artifact-subject artifact-type", artifacts, ""},
		{"manifest annotate", "subject", artifacts, ""},
		{"manifest create", "insecure", insecure, "--tls-verify=false"},
		{"manifest inspect", "insecure", insecure, "--tls-verify=false"},
		{"manifest push", "insecure", insecure, "--tls-verify=false"},
		{"manifest push", "sign-by-sq-fingerprint", "rc does not sign images", "cosign sign NAME@DIGEST"},
		{"push", "platform", oneEach, ""},
		{"push", "sign-by-sq-fingerprint", "rc does not sign images", "cosign sign NAME@DIGEST"},
		{"rmi", "platform", oneEach, ""},
		{"save", "platform", oneEach, ""},
	}
}

// lackingOthers are flags of the others.
func lackingOthers() []Lack {
	const (
		cluster = "rc works on one machine, without a cluster"
		pods    = "pods are not supported yet"
		criu    = "CRIU wants root"
		checks  = "a healthcheck is decided when the container is made"
		v2      = "cgroup v2 has nothing like it"
	)
	return []Lack{
		{"container cleanup", "exec rmi", "no record is kept of an exec, and no image goes with a container", "rc rmi"},
		{"generate systemd", "pod-prefix", pods, ""},
		{"network connect", "driver-opt gw-priority link-local-ip", "not supported yet", ""},
		{"network connect", "link", "containers find each other by their names", "--alias NAME"},
		{"network inspect", "verbose", cluster, ""},
		{"network create", "aux-address", "not supported yet", "--ip-range leaves the rest of the subnet out"},
		{"network create", "config-from config-only ingress", cluster, ""},
		{"network create", "ipam-opt", "addresses are given by rc itself", "--subnet, --ip-range"},
		{"rm", "link", "there are no links", ""},
		{"secret create", "template-driver", cluster, ""},
		{"start", "checkpoint checkpoint-dir", criu, ""},
		{"system prune", "external", "no other tool has containers here", ""},
		{"unshare", "rootless-netns", "networks have one each, which goes with their last container", "rc exec"},
		{"update", "cpu-rt-period cpu-rt-runtime memory-swappiness", v2, ""},
		{"update", "env unsetenv", "the environment is decided when the container is made", "rc exec --env"},
		{
			"update", "health-cmd health-interval health-log-destination health-max-log-count health-max-log-size health-on-failure health-retries " +
				"health-start-period health-startup-cmd health-startup-interval health-startup-retries health-startup-success health-startup-timeout " +
				"health-timeout no-healthcheck", checks, "rc run --replace --name NAME --health-…",
		},
		{"volume create", "availability group limit-bytes required-bytes scope secret sharing topology-preferred topology-required type", cluster, ""},
		{"volume ls", "cluster", cluster, ""},
	}
}

// error is the error of asking for it. what is the flag, or the verb.
func (l Lack) error(what string) error {
	return errs.WithHint(errs.Unsupportedf("%s: %s", what, l.Why), l.Hint)
}

// LacksFlag finds a flag of cmd among what rc lacks.
func LacksFlag(cmd *cobra.Command, name string) (Lack, bool) {
	paths := verbPaths(cmd)
	list := Lacks()
	i := slices.IndexFunc(list, func(l Lack) bool {
		return slices.Contains(paths, l.Verb) && slices.Contains(strings.Fields(l.Flags), name)
	})
	if i < 0 {
		return Lack{}, false
	}
	return list[i], true
}

// lacksVerb finds a verb, or a noun's, among what rc lacks.
func lacksVerb(path string) (Lack, bool) {
	list := Lacks()
	i := slices.IndexFunc(list, func(l Lack) bool { return l.Verb == path && l.Flags == "" })
	if i < 0 {
		return Lack{}, false
	}
	return list[i], true
}

// verbPaths are the names by which Lacks may have a command: rc container ls is ps, too.
func verbPaths(cmd *cobra.Command) []string {
	_, path, _ := strings.Cut(cmd.CommandPath(), " ")
	paths := []string{path}
	switch noun, _, below := strings.Cut(path, " "); {
	case below && slices.Contains([]string{"container", "image", "builder", "buildx", "system"}, noun):
		paths = append(append(paths, cmd.Name()), cmd.Aliases...)
	}
	return paths
}

// CheckGlobalFlags refuses flags that stand before the verb and that rc lacks: cobra would take the word behind
// them for their value, or for the verb.
func CheckGlobalFlags(root *cobra.Command, args []string) error {
	known := root.PersistentFlags()
	for i := 0; i < len(args); i++ {
		word := args[i]
		if !strings.HasPrefix(word, "-") {
			return nil // the verb
		}
		name, long := strings.CutPrefix(word, "--")
		name, _, hasValue := strings.Cut(name, "=")
		if !long {
			name = map[string]string{"-c": "connection", "-r": "remote", "-H": "host", "-l": "log-level"}[word]
			if name == "log-level" {
				return errs.WithHint(errs.Unsupportedf("-l: it is --latest's of many verbs"), "--log-level LEVEL")
			}
		}
		switch flag := known.Lookup(name); {
		case flag != nil && flag.NoOptDefVal == "" && !hasValue:
			i++ // its value
		case flag == nil && name != "":
			if l, lacks := LacksFlag(root, name); lacks {
				return l.error(strings.SplitN(word, "=", 2)[0])
			}
		}
	}
	return nil
}
