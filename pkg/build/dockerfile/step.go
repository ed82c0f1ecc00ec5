package dockerfile

import "github.com/rc-containers/rc/pkg/index"

// Step is one instruction that is carried out, everything in it expanded.
type Step struct {
	// Number counts the steps of the stage that progress shows, of which there are Total: FROM an image is 1, then
	// come those that change files. It is 0 for others.
	Number, Total int
	Text          string // as progress shows it: "RUN make"
	Title         string // the same with the stage and Number in front: "[build 2/5] RUN make"
	Trigger       bool   // it is an ONBUILD of the base
	Lines         [2]int // first and last line of the Dockerfile
	// Config is the image's after the step. Author is MAINTAINER's.
	Config   index.Config
	Author   string
	Warnings []Warning
	// CreatedBy and Empty are for the history, as BuildKit writes it: Empty has no layer. Without CreatedBy there is no
	// entry (ONBUILD).
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
	// Script is an executable file that has to be at /dev/pipes/NAME, read-only: Args name it.
	Script   *Inline
	Network  string // --network: none, host or ""
	Security string // --security: insecure or ""
	Devices  []Device
	Mounts   []Mount
	Hostname string // BUILDKIT_SANDBOX_HOSTNAME, "" for any
}

// Device is a RUN --device: a CDI name.
type Device struct {
	Name     string
	Required bool
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
