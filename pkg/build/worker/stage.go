package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/store"
)

// stage is one stage on its way.
type stage struct {
	b    *builder
	plan *dockerfile.Stage
	// done is closed when it has ended; everything below is its own until then, and does not change after.
	done chan struct{}
	err  error

	base   *base // the image at the bottom, nil for none
	tree   tree
	config index.Config
	author string
	// history is of what came on top of base.
	history []v1.History
}

// tree is the files of a stage: layers, the lowest first.
type tree []store.StoredLayer

// top is the id of the topmost layer, "" for no layer at all. It stands for all that is in the tree.
func (t tree) top() string {
	if len(t) == 0 {
		return ""
	}
	return t[len(t)-1].ID
}

// lower are the directories, topmost first.
func (t tree) lower() []string {
	dirs := make([]string, 0, len(t))
	for _, l := range slices.Backward(t) {
		dirs = append(dirs, l.Dir)
	}
	return dirs
}

// fuseOnly: see index.Record.
func (t tree) fuseOnly() bool {
	return slices.ContainsFunc(t, func(l store.StoredLayer) bool { return l.FuseOnly })
}

// run carries out the stage.
func (s *stage) run(ctx context.Context) error {
	if err := s.from(ctx); err != nil {
		return err
	}
	it, err := s.plan.Begin(s.config)
	if err != nil {
		return err
	}
	s.config = it.Config()
	for {
		step, err := it.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s.b.warnings(step.Warnings)
		if err := s.step(ctx, step); err != nil {
			return err
		}
	}
}

// from makes the stage begin where its FROM ends.
func (s *stage) from(ctx context.Context) error {
	switch from := s.plan.From; {
	case from.Stage != nil:
		below, err := s.b.wait(ctx, from.Stage)
		if err != nil {
			return err
		}
		s.base, s.tree, s.config, s.author = below.base, slices.Clip(below.tree), below.config, below.author
		s.history = slices.Clip(below.history)
	case from.Image != "":
		return s.fromImage(ctx, from.Image, from)
	case from.Context != "":
		named := s.b.o.Contexts[from.Context]
		if named.Image != "" {
			return s.fromImage(ctx, named.Image, from)
		}
		return s.fromDir(ctx, from)
	}
	return nil
}

func (s *stage) fromImage(ctx context.Context, ref string, from dockerfile.Source) error {
	base, err := s.b.image(ctx, ref, from)
	if err != nil {
		return s.b.located(err, s.plan.Lines)
	}
	t := s.b.begin(s.plan.Title(base.name))
	if base.pulled {
		_ = t.end(nil, s.plan.Lines)
	} else {
		t.cached()
	}
	s.base, s.tree, s.config, s.author = base, slices.Clip(base.tree), base.config.Config, base.config.Author
	return nil
}

// fromDir begins with the files of a --build-context directory.
func (s *stage) fromDir(ctx context.Context, from dockerfile.Source) (err error) {
	t := s.b.begin(s.plan.Title(from.Context))
	defer func() { err = t.end(err, s.plan.Lines) }()
	w := &work{stage: s, task: t, step: &dockerfile.Step{Text: "FROM " + from.Context}}
	created, err := w.layer(ctx, &copying{work: w, copy: dockerfile.Copy{From: &from, Sources: []string{"."}, Dest: "/"}})
	if err == nil {
		s.history = []v1.History{{Created: &created, CreatedBy: "FROM " + from.Context, Comment: historyComment}}
	}
	return err
}

// step carries out one instruction.
func (s *stage) step(ctx context.Context, step *dockerfile.Step) error {
	before := s.config
	s.config, s.author = step.Config, step.Author
	h := v1.History{CreatedBy: step.CreatedBy, Comment: historyComment, EmptyLayer: step.Empty, Author: step.Author}
	if step.Run != nil || step.Copy != nil || step.Workdir != nil {
		created, err := s.files(ctx, step, before)
		if err != nil {
			return err
		}
		h.Created = &created
	}
	if step.CreatedBy != "" || !step.Empty {
		s.history = append(s.history, h)
	}
	return nil
}

// historyComment is what BuildKit writes there, by which tools know how to read CreatedBy.
const historyComment = "buildkit.dockerfile.v0"

// files carries out an instruction that changes files; before is the configuration before it.
func (s *stage) files(ctx context.Context, step *dockerfile.Step, before index.Config) (created time.Time, err error) {
	if err := s.inputs(ctx, step); err != nil {
		return created, err
	}
	t := s.b.begin(step.Title)
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", shorten(step.Text), err)
		}
		_ = t.end(err, step.Lines)
	}()
	w := &work{stage: s, step: step, task: t}
	switch {
	case step.Run != nil:
		return w.layer(ctx, &running{work: w, run: step.Run, before: before})
	case step.Copy != nil:
		return w.layer(ctx, &copying{work: w, copy: *step.Copy})
	default:
		return w.layer(ctx, &entering{work: w, path: step.Workdir.Path, user: before.User})
	}
}

// inputs waits for the stages that a step reads, and opens the context: only then does it begin, for whoever looks on.
func (s *stage) inputs(ctx context.Context, step *dockerfile.Step) error {
	var sources []*dockerfile.Source
	if step.Copy != nil {
		sources = append(sources, step.Copy.From)
	}
	if step.Run != nil {
		for i := range step.Run.Mounts {
			sources = append(sources, step.Run.Mounts[i].From)
		}
	}
	for _, from := range sources {
		var err error
		switch {
		case from == nil:
		case from.Stage != nil:
			_, err = s.b.wait(ctx, from.Stage)
		case from.Build && s.b.o.Context != "":
			_, err = s.b.source(ctx, *from)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// shorten makes one short line of an instruction.
func shorten(text string) string {
	const most = 80
	text, more, _ := strings.Cut(text, "\n")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	if more != "" {
		return text + " …"
	}
	return text
}

// located says where in the Dockerfile something went wrong that no step was begun for.
func (b *builder) located(err error, lines [2]int) error {
	if errors.Is(err, errOther) || errors.Is(err, errInterrupted) {
		return err
	}
	if lines[0] > 0 {
		return fmt.Errorf("%s:%d: %w", b.o.Name, lines[0], err)
	}
	return err
}
