package dockerfile

import "github.com/rc-containers/rc/pkg/index"

// PlanOptions are what FROM and ARG depend on.
type PlanOptions struct {
	Args   map[string]string // --build-arg
	Target string            // name or number of a stage, "" for the last
	// Platform is what is built for, BuildPlatform the machine's: os/arch[/variant].
	Platform, BuildPlatform string
	// From replaces the image of the first FROM.
	From string
	// Contexts has the names of --build-context: they come before stages and images.
	Contexts map[string]bool
}

// Plan is the stages that a target needs, each after those that it needs itself; the target is the last.
type Plan struct {
	Stages []*Stage
}

// Source is something that has files: exactly one of its fields.
type Source struct {
	Stage   *Stage // another stage
	Image   string // an image by name, as written
	Context string // --build-context by name; "" with Build
	Build   bool   // the build context
	Scratch bool   // nothing
	// Platform is that of FROM --platform, "" where it does not say.
	Platform string
}

// Step is one instruction that is carried out, everything in it expanded.
type Step struct {
	// Number counts from 1, Total is the number of steps of the stage that progress shows: FROM is 1.
	Number, Total int
	Text          string // as progress shows it: "RUN make"
	Lines         [2]int // first and last line of the Dockerfile
	// Config is the image's after the step. Author is MAINTAINER's.
	Config index.Config
	Author string
	// CreatedBy and Empty are for the history: Empty has no layer.
	CreatedBy string
	Empty     bool

	// What changes files is one of these; all nil changes the configuration only.
	Run     *Run
	Copy    *Copy
	Workdir *Workdir
}

// Run is a RUN instruction.
type Run struct {
	Args []string // argv, the shell included
	// Env is the whole environment: the image's and the build arguments (except for those predefined ones that no
	// image has been told of, which are Hidden: they change no key).
	Env, Hidden []string
	Stdin       string // of a here-document that goes to the command's standard input
	Network     string // --network
	Security    string // --security
	Mounts      []Mount
}

// Mount is a RUN --mount as written.
type Mount struct {
	Type           string // bind, cache, tmpfs, secret or ssh
	Target         string // absolute
	From           *Source
	Path           string // source= within From
	ReadOnly       bool
	ID             string // of a cache, a secret or an agent
	Sharing        string // of a cache: shared, private or locked
	Env            string // of a secret
	Required       bool
	Size           int64 // bytes
	UID, GID       uint32
	Mode           *uint32
	UIDSet, GIDSet bool
}

// Copy is a COPY or an ADD.
type Copy struct {
	From     *Source
	Sources  []string // patterns, URLs, git references
	Inline   []Inline // here-documents
	Dest     string   // absolute; with a slash at its end where it must be a directory
	Chown    string   // as written, variables expanded
	Chmod    string
	Link     bool
	Parents  bool
	Exclude  []string
	Add      bool
	Checksum string // of ADD
	// Unpack is ADD --unpack, nil for the default. KeepGit is --keep-git-dir.
	Unpack  *bool
	KeepGit bool
}

// Inline is a file whose content is in the Dockerfile.
type Inline struct{ Name, Data string }

// Workdir is a directory that WORKDIR makes where it is missing.
type Workdir struct{ Path string }
