package build

import (
	"github.com/rc-containers/rc/pkg/image"
)

// Options is what one build for one platform is asked for. Paths are absolute; what came by URL, from standard input or
// from git has been fetched into directories by the caller.
type Options struct {
	// Dockerfile is the file to read, Name what messages call it.
	Dockerfile string `json:"dockerfile"`
	Name       string `json:"name"`
	// Context is the directory that COPY reads, "" for none. Remembered says that it is the user's own, of
	// which digests of files are worth remembering.
	Context    string `json:"context,omitempty"`
	Remembered bool   `json:"remembered,omitempty"`
	// Ignorefile is --ignorefile; "" looks for NAME.dockerignore, .containerignore and .dockerignore.
	Ignorefile string `json:"ignorefile,omitempty"`
	// Contexts are those of --build-context, by name in lower case.
	Contexts map[string]NamedContext `json:"contexts,omitempty"`

	Args   map[string]string `json:"args,omitempty"` // --build-arg
	Target string            `json:"target,omitempty"`
	// Platform is os/arch[/variant] of the image, "" for the machine's.
	Platform string `json:"platform,omitempty"`
	// From replaces the image of the first FROM.
	From string `json:"from,omitempty"`

	NoCache       bool     `json:"noCache,omitempty"`
	NoCacheFilter []string `json:"noCacheFilter,omitempty"` // stages
	CacheFrom     []Cache  `json:"cacheFrom,omitempty"`
	CacheTo       []Cache  `json:"cacheTo,omitempty"`

	// Pull says how base images are found; Names is set by the worker.
	Pull       image.PullOptions `json:"pull"`
	PullPolicy string            `json:"pullPolicy"` // always, missing, never or newer

	// Of the image: its names, and what is added to its configuration.
	Tags         []string          `json:"tags,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Env          []string          `json:"env,omitempty"`
	Unsetenv     []string          `json:"unsetenv,omitempty"`
	Unsetlabel   []string          `json:"unsetlabel,omitempty"`
	Format       string            `json:"format"`              // image.FormatOCI or FormatDocker
	Squash       bool              `json:"squash,omitempty"`    // one layer on top of the base
	SquashAll    bool              `json:"squashAll,omitempty"` // one layer of all
	CreatedAfter *int64            `json:"timestamp,omitempty"` // --timestamp, SOURCE_DATE_EPOCH: seconds since 1970
	// Export is a directory (--output type=local) or a tar archive (type=tar) to be filled; no image is made then.
	Export *Export `json:"export,omitempty"`

	// Secrets and SSH are the names that --secret and --ssh give, for which the caller's Runner has the values.
	Secrets []string `json:"secrets,omitempty"`
	SSH     []string `json:"ssh,omitempty"`
	// Network is RUN's where the instruction does not say: default, none or host, or any --network of rc run.
	Network string `json:"network,omitempty"`
	// RunSalt stands for all other options that change what a RUN does (--add-host, --cap-add, --volume …): it
	// is part of the keys of RUN steps.
	RunSalt string `json:"runSalt,omitempty"`
	// Jobs is how many steps may be under way at once, 0 for the number of processors.
	Jobs int `json:"jobs,omitempty"`
}

// NamedContext is what --build-context NAME= names: one of the two.
type NamedContext struct {
	Dir string `json:"dir,omitempty"`
	// Remembered: see Options.
	Remembered bool   `json:"remembered,omitempty"`
	Image      string `json:"image,omitempty"` // also an oci-layout:// or another transport's reference
}

// Cache is a --cache-from or --cache-to: Type is registry or local.
type Cache struct {
	Type  string            `json:"type"`
	Ref   string            `json:"ref"` // image name without tag, or directory
	Attrs map[string]string `json:"attrs,omitempty"`
}

// Export says where the files of the last stage go: Path, or standard output for a Tar to "-".
type Export struct {
	Path string `json:"path"`
	Tar  bool   `json:"tar,omitempty"`
}

// Result is what a build has made.
type Result struct {
	ID     string `json:"id,omitempty"`     // of the image, 64 hex digits
	Digest string `json:"digest,omitempty"` // of its manifest
	// Cached and Steps count the steps of the stages that were needed.
	Cached int `json:"cached"`
	Steps  int `json:"steps"`
}
