package index

import "strings"

// Digest is algorithm:hex, as the OCI image specification writes it. It has been checked by
// whoever made the image. (The package go-digest compiles its expressions whenever a program starts: a
// tenth of what starting rc costs, for two strings.)
type Digest string

// String is the digest as it is written.
func (d Digest) String() string { return string(d) }

// Encoded is what follows the algorithm.
func (d Digest) Encoded() string {
	_, hex, _ := strings.Cut(string(d), ":")
	return hex
}

// ImageConfig is what an image wants of a container: "config" of the OCI image
// configuration (image-spec, config.md), with its names. Converting to and from the type of package
// v1 is for who writes the index.
type ImageConfig struct {
	User         string              `json:"User,omitempty"`
	ExposedPorts map[string]struct{} `json:"ExposedPorts,omitempty"`
	Env          []string            `json:"Env,omitempty"`
	Entrypoint   []string            `json:"Entrypoint,omitempty"`
	Cmd          []string            `json:"Cmd,omitempty"`
	Volumes      map[string]struct{} `json:"Volumes,omitempty"`
	WorkingDir   string              `json:"WorkingDir,omitempty"`
	Labels       map[string]string   `json:"Labels,omitempty"`
	StopSignal   string              `json:"StopSignal,omitempty"`
	ArgsEscaped  bool                `json:"ArgsEscaped,omitempty"` // docker's
}
