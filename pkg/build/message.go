package build

import (
	"os"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
)

// Message is one of its fields.
type Message struct {
	Start *Start `json:"start,omitempty"`
	Event *Event `json:"event,omitempty"`
	Run   *Run   `json:"run,omitempty"`
	Ran   *Ran   `json:"ran,omitempty"`
	// Stop ends all commands that run: another step has failed.
	Stop   bool          `json:"stop,omitempty"`
	Answer *image.Answer `json:"answer,omitempty"` // its Result is a Result
}

// Event tells of one step. A step is known by its number; the first event of each has its name.
type Event struct {
	Step int       `json:"step"` // from 0, in the order in which steps become known; -1 is no step's warning
	Time time.Time `json:"time"`
	// Name is what progress shows: "[build 2/5] RUN make", "[internal] load .dockerignore".
	Name string `json:"name,omitempty"`
	// State is begin, cached, done or failed, "" for what comes in between.
	State string `json:"state,omitempty"`
	// Current and Total count bytes of a pull or a copy; Total is 0 where nobody knows.
	Current int64 `json:"current,omitempty"`
	Total   int64 `json:"total,omitempty"`
	// Stream is 1 or 2 for Log, which is what the step has printed.
	Stream int    `json:"stream,omitempty"`
	Log    []byte `json:"log,omitempty"`
	// Warning is for the user, whatever the progress.
	Warning string `json:"warning,omitempty"`
	// Error and Lines tell of a step that has failed: the first and last line of the Dockerfile, from 1.
	Error string `json:"error,omitempty"`
	Lines [2]int `json:"lines,omitzero"`
	// Code is the exit code of a RUN that has failed.
	Code int `json:"code,omitempty"`
}

// States of an Event.
const (
	StateBegin  = "begin"
	StateCached = "cached"
	StateDone   = "done"
	StateFailed = "failed"
)

// Run asks for a command to be run in a container of its own.
type Run struct {
	ID   int `json:"id"` // of this request
	Step int `json:"step"`
	// Lower are the layers below, topmost first, Upper and Work the directories of the overlay on top of them.
	// FuseOnly: see index.Record.
	Lower    []string `json:"lower"`
	Upper    string   `json:"upper"`
	Work     string   `json:"work"`
	FuseOnly bool     `json:"fuseOnly,omitempty"`

	// Platform is that of the programs, OS/ARCH[/VARIANT]; "" is the machine's.
	Platform string   `json:"platform,omitempty"`
	Args     []string `json:"args"`
	Env      []string `json:"env"` // all of it, the build arguments too
	Dir      string   `json:"dir"`
	User     string   `json:"user,omitempty"`
	Network  string   `json:"network,omitempty"`  // of RUN --network: none, host, default or ""
	Security string   `json:"security,omitempty"` // of RUN --security: insecure, sandbox or ""
	Hostname string   `json:"hostname,omitempty"` // "" for any
	Devices  []Device `json:"devices,omitempty"`
	Mounts   []Mount  `json:"mounts,omitempty"`

	// Userns is the worker's user namespace, which has the default map; nil where it cannot be entered.
	Userns *os.File `json:"-"`
}

// Device is a RUN --device: a CDI name. Without one a step fails if Required.
type Device struct {
	Name     string `json:"name"`
	Required bool   `json:"required,omitempty"`
}

// Mount is a RUN --mount, made ready by the worker.
type Mount struct {
	Type   string `json:"type"` // bind, tmpfs, secret or ssh; a cache is a bind by now
	Target string `json:"target"`
	// Source is a directory or a file on disk, for bind. Lower are the layers of another stage or an image instead,
	// topmost first, of which Path (absolute) is mounted.
	Source string   `json:"source,omitempty"`
	Lower  []string `json:"lower,omitempty"`
	Path   string   `json:"path,omitempty"`
	// ReadOnly is as given. What is written to a bind that is not a cache (Keep) is thrown away.
	ReadOnly bool `json:"readOnly,omitempty"`
	Keep     bool `json:"keep,omitempty"`
	// ID names a secret or an agent; without a value a step fails if Required, else the mount is left out.
	ID       string  `json:"id,omitempty"`
	Env      string  `json:"env,omitempty"` // a secret's variable; Target may be "" then
	Required bool    `json:"required,omitempty"`
	Size     int64   `json:"size,omitempty"` // bytes, of a tmpfs
	UID      uint32  `json:"uid,omitempty"`
	GID      uint32  `json:"gid,omitempty"`
	Mode     *uint32 `json:"mode,omitempty"`
}

// Ran is the end of a Run: the command's exit code, or why it has none.
type Ran struct {
	ID   int `json:"id"`
	Code int `json:"code"`
	// Why is more about the code, such as that the limit of memory was reached.
	Why   string         `json:"why,omitempty"`
	Error *image.Failure `json:"error,omitempty"`
}

// Start is the worker's first message.
type Start struct {
	Config  *config.Config `json:"config"`
	Options Options        `json:"options"`
}
