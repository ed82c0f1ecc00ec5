package image

import (
	"os"
	"time"
)

// Streams are where a verb reads archives from and writes progress to; nil is nothing to
// read, and our own standard output and error.
type Streams struct{ Stdin, Stdout, Stderr *os.File }

// Registry says how to talk to registries; zero values are registries.conf's and the
// usual files'.
type Registry struct {
	AuthFile  string `json:"authFile,omitempty"`
	Creds     string `json:"creds,omitempty"` // USER[:PASSWORD]
	CertDir   string `json:"certDir,omitempty"`
	TLSVerify *bool  `json:"tlsVerify,omitempty"` // nil: as registries.conf says
	// Retry is how often a failed request is repeated, RetryDelay the first pause (0: 1 s, doubled every time).
	Retry      int           `json:"retry"`
	RetryDelay time.Duration `json:"retryDelay,omitempty"`
	// Stall is how long a registry may stop in the middle of a layer; 0 is a minute.
	Stall           time.Duration `json:"stall,omitempty"`
	SignaturePolicy string        `json:"signaturePolicy,omitempty"`
}

// Pull policies.
const (
	Always  = "always"
	Missing = "missing"
	Never   = "never"
	Newer   = "newer"
)

// PullOptions are those of `rc pull`, and of `rc run` where it has to pull.
type PullOptions struct {
	Image    string   `json:"image"`
	Policy   string   `json:"policy"` // "" is always
	Platform Platform `json:"platform"`
	// AllTags pulls every tag of the repository.
	AllTags  bool     `json:"allTags,omitempty"`
	Quiet    bool     `json:"quiet,omitempty"`
	Registry Registry `json:"registry"`
	Streams  Streams  `json:"-"`
}

// LoadOptions are those of `rc load`.
type LoadOptions struct {
	Input    string   `json:"input"` // "" is standard input
	Quiet    bool     `json:"quiet,omitempty"`
	Platform Platform `json:"platform"`
	Streams  Streams  `json:"-"`
}

// Loaded is one image that load found in an archive.
type Loaded struct {
	ID    string   `json:"id"`
	Names []string `json:"names,omitempty"`
}

// ImportOptions are those of `rc import`.
type ImportOptions struct {
	Source   string   `json:"source"` // file, URL, or - for standard input
	Name     string   `json:"name,omitempty"`
	Changes  []string `json:"changes,omitempty"` // Dockerfile instructions
	Message  string   `json:"message,omitempty"`
	Platform Platform `json:"platform"`
	Quiet    bool     `json:"quiet,omitempty"`
	Streams  Streams  `json:"-"`
}

// RemoveOptions are those of `rc rmi`.
type RemoveOptions struct {
	Images []string `json:"images"`
	All    bool     `json:"all,omitempty"`
	// Force removes an image with all its names where an id is given, and does not mind
	// names that do not exist.
	Force  bool `json:"force,omitempty"`
	Ignore bool `json:"ignore,omitempty"`
	// Remains deletes, too, what has arrived of layers whose pulls were broken off.
	Remains bool `json:"remains,omitempty"`
}

// Removed is what a removal has done.
type Removed struct {
	Untagged []string `json:"untagged,omitempty"`
	Deleted  []string `json:"deleted,omitempty"` // image ids
	// IDs are the images that had the names of Untagged.
	IDs map[string]string `json:"ids,omitempty"`
}

// NameRequest is what the worker is told to tag or untag.
type NameRequest struct {
	ID    string   `json:"id"`
	Names []string `json:"names"`
}
