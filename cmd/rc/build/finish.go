package build

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/lists"
)

// passes are what the worker is to make, one after the other: nil is an image.
func (s *session) passes(platform string) (passes []*build.Export) {
	image := false
	for _, out := range s.o.Outputs {
		if !out.isFiles() {
			image = true
			continue
		}
		e := &build.Export{Path: out.dest, Tar: out.kind == "tar"}
		if len(s.o.Platform) > 1 { // docker's names
			e.Path = filepath.Join(out.dest, strings.ReplaceAll(platform, "/", "_"))
		}
		passes = append(passes, e)
	}
	if image {
		passes = append(passes, nil)
	}
	return passes
}

// keeps says that the image is to stay in the store.
func (o *buildOptions) keeps() bool {
	for _, out := range o.Outputs {
		if out.kind == "image" || out.kind == "docker" && out.dest == "" {
			return true
		}
	}
	return false
}

// finish gives images to who wants them, and tells their ids.
func (s *session) finish(ctx context.Context, results []build.Result) error {
	if s.o.Manifest != "" {
		if err := s.list(ctx, results); err != nil {
			return err
		}
	}
	last := results[len(results)-1]
	if last.ID == "" {
		return nil
	}
	for _, out := range s.o.Outputs {
		if out.kind != "oci" && (out.kind != "docker" || out.dest == "") {
			continue
		}
		if err := s.save(ctx, out, last.ID); err != nil {
			return err
		}
	}
	if s.o.Push {
		if err := s.push(ctx, results); err != nil {
			return err
		}
	}
	if err := s.write(last); err != nil {
		return err
	}
	if !s.o.keeps() {
		return s.drop(ctx, results)
	}
	for _, r := range results {
		fmt.Fprintln(s.a.Stdout, r.ID)
	}
	return nil
}

// save writes an archive.
func (s *session) save(ctx context.Context, out output, id string) error {
	o := image.SaveOptions{
		Names: append([]string{id}, s.o.Tags...), Format: "docker-archive", Output: out.dest, Quiet: s.o.Quiet,
		Streams: image.Streams{Stdout: s.a.Stdout, Stderr: s.a.Stderr},
	}
	if out.kind == "oci" {
		o.Format = "oci-archive"
	}
	if out.dest == "-" {
		o.Output = ""
	}
	return image.Save(ctx, s.a.Config, o)
}

// push sends the image under each of its names, or the list.
func (s *session) push(ctx context.Context, results []build.Result) error {
	for _, name := range s.o.Tags {
		_, err := image.Push(ctx, s.a.Config, image.PushOptions{
			Image: results[len(results)-1].ID, Destination: name, Quiet: s.o.Quiet, Registry: s.o.Pull.Registry,
			Streams: image.Streams{Stdout: s.a.Stdout, Stderr: s.a.Stderr},
		})
		if err != nil {
			return err
		}
	}
	if s.o.Manifest == "" {
		return nil
	}
	l, err := lists.Read(s.a.Config, s.o.Manifest)
	if err != nil {
		return err
	}
	_, err = image.PushList(ctx, s.a.Config, image.ListPush{
		Instances: l.Instances, Annotations: l.Annotations, Quiet: s.o.Quiet, Registry: s.o.Pull.Registry,
		To:      image.Location{Transport: image.TransportRegistry, Ref: l.Name},
		Streams: image.Streams{Stdout: s.a.Stdout, Stderr: s.a.Stderr},
	})
	return err
}

// list adds the images to a manifest list.
func (s *session) list(ctx context.Context, results []build.Result) error {
	name, err := lists.Create(ctx, s.a.Config, s.o.Manifest, true, nil)
	if err != nil {
		return err
	}
	for _, r := range results {
		looked, err := image.Look(ctx, s.a.Config, image.LookRequest{ID: r.ID}, image.Streams{})
		if err != nil {
			return err
		}
		err = lists.Change(ctx, s.a.Config, name, func(l *lists.List) error {
			l.Add(looked.Instances...)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// drop removes images that nobody wanted in the store: those that were not there before.
func (s *session) drop(ctx context.Context, results []build.Result) error {
	for _, r := range results {
		if s.before[r.ID] {
			continue
		}
		_, err := image.Remove(ctx, s.a.Config, image.RemoveOptions{Images: []string{r.ID}, Force: true, Ignore: true})
		if err != nil {
			return err
		}
	}
	return nil
}

// present are the ids of all images.
func present(ctx context.Context, cfg *config.Config) (map[string]bool, error) {
	ix, err := image.Read(ctx, cfg)
	if err != nil {
		return nil, err
	}
	entries, err := ix.All()
	ids := make(map[string]bool, len(entries))
	for _, e := range entries {
		ids[e.ID] = true
	}
	return ids, err
}

// metadata is what --metadata-file has: BuildKit's names.
type metadata struct {
	ConfigDigest string `json:"containerimage.config.digest,omitempty"`
	Digest       string `json:"containerimage.digest,omitempty"`
	Name         string `json:"image.name,omitempty"`
}

// write writes --iidfile and --metadata-file.
func (s *session) write(r build.Result) error {
	if s.o.IIDFile != "" {
		if err := os.WriteFile(s.o.IIDFile, []byte("sha256:"+r.ID), 0o644); err != nil {
			return fmt.Errorf("--iidfile: %w", err)
		}
	}
	if s.o.MetadataFile == "" {
		return nil
	}
	data, err := json.MarshalIndent(metadata{ConfigDigest: "sha256:" + r.ID, Digest: r.Digest, Name: strings.Join(s.o.Tags, ",")}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.o.MetadataFile, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("--metadata-file: %w", err)
	}
	return nil
}
