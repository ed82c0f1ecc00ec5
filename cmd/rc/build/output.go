package build

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// output is one --output.
type output struct {
	kind string // local, tar, oci, docker or image
	dest string // file or directory, absolute; "-" is standard output, "" for an image the store
	push bool
}

// isFiles says that it is of the files, without an image around them.
func (o output) isFiles() bool { return o.kind == "local" || o.kind == "tar" }

func outputKinds() []string { return []string{"local", "tar", "oci", "docker", "image", "registry"} }

func (f *buildFlags) output(p *parser, o *buildOptions) {
	for _, value := range f.outputs {
		out, names, err := parseOutput(value)
		p.note("output", err)
		if err == nil && slices.ContainsFunc(o.Outputs, func(other output) bool { return other.dest == "-" && out.dest == "-" }) {
			p.note("output", errs.Invalidf("%q: standard output has something already", value))
		}
		o.Outputs = append(o.Outputs, out)
		o.Push = o.Push || out.push
		for _, name := range names {
			full, err := image.NewName(name)
			p.note("output", err)
			o.Tags = append(o.Tags, full)
		}
	}
	if len(o.Outputs) == 0 || f.load || o.Push || o.Manifest != "" {
		o.Outputs = append(o.Outputs, output{kind: "image"})
	}
	if o.Push && len(o.Tags) == 0 && o.Manifest == "" {
		p.problems = append(p.problems, errs.WithHint(errs.Invalidf("--push: the image has no name to push it to"), "--tag REGISTRY/NAME"))
	}
	if len(o.Platform) > 1 && slices.ContainsFunc(o.Outputs, func(out output) bool {
		return out.kind == "oci" || out.kind == "docker" && out.dest != "" || out.kind == "tar"
	}) {
		p.problems = append(p.problems, errs.Unsupportedf("--output: an archive of %d platforms; build one platform at a time", len(o.Platform)))
	}
}

// parseOutput reads DIRECTORY, "-", or type=…,dest=…[,name=…][,push=true].
func parseOutput(value string) (out output, names []string, err error) {
	if !strings.Contains(value, "=") {
		out = output{kind: "local", dest: value}
		if value == "-" {
			out.kind = "tar"
		}
		out.dest, err = destination(out.dest, value)
		return out, nil, err
	}
	attrs, err := keyValues(value)
	if err != nil {
		return out, nil, err
	}
	out.kind, out.dest = attrs["type"], attrs["dest"]
	if out.kind == "" {
		return out, nil, errs.Invalidf("%q: want type=", value)
	}
	if _, err := parse.Choice(out.kind, outputKinds()...); err != nil {
		return out, nil, fmt.Errorf("%q: type %w", value, err)
	}
	for k, v := range attrs {
		switch {
		case k == "type" || k == "dest":
		case k == "name" && (out.kind == "image" || out.kind == "registry" || out.kind == "docker" || out.kind == "oci"):
			names = strings.Split(v, ";")
		case k == "push" && out.kind == "image":
			out.push = v == "true"
		case k == "tar" && v == "true" && out.kind == "oci": // what it is anyway
		default:
			return out, nil, errs.Unsupportedf("%q: rc does not know %q for type %s", value, k, out.kind)
		}
	}
	if out.kind == "registry" {
		out.kind, out.push = "image", true
	}
	switch {
	case out.kind == "image" && out.dest != "":
		return out, nil, errs.Invalidf("%q: an image goes to the store, dest= is for files", value)
	case out.kind == "tar" && out.dest == "", out.kind == "oci" && out.dest == "":
		out.dest = "-"
	case out.kind == "local" && out.dest == "":
		return out, nil, errs.Invalidf("%q: want dest=DIRECTORY", value)
	}
	if out.dest != "" {
		out.dest, err = destination(out.dest, value)
	}
	return out, names, err
}

// destination makes a path absolute, and refuses a terminal.
func destination(dest, value string) (string, error) {
	switch {
	case dest == "":
		return "", errs.Invalidf("%q: want a directory", value)
	case dest != "-":
		return filepath.Abs(dest)
	case term.IsTerminal(int(os.Stdout.Fd())):
		return "", errs.Invalidf("%q: standard output is a terminal", value)
	}
	return dest, nil
}
