package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	digest "github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image/compress"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/store"
)

// parallel is how many layers are fetched and unpacked at a time. podman takes six, docker three: more
// only helps against slow registries, and each unpacks with a buffer of 1 MB.
const parallel = 4

// blob is a layer as a registry or an archive has it.
type blob struct {
	// Digest and Size are those of the bytes that open gives; an empty digest is not checked.
	Digest digest.Digest
	Size   int64
	// DiffID is the digest of the uncompressed archive, as the image's configuration has it.
	DiffID digest.Digest
	// Open begins to read; the reader is closed by who reads.
	Open func(ctx context.Context) (io.ReadCloser, error)
	// From begins to read behind the first bytes; nil where that is not possible, or not worth it.
	From func(ctx context.Context, offset int64) (io.ReadCloser, error)
	// Head is told how the blob begins; nil is nobody.
	Head func(head []byte)
	// Retry repeats what failed for a reason that may pass; nil does it once.
	Retry func(ctx context.Context, do func() error) error
}

// beginning lets Head see the first bytes of what is read.
func (b blob) beginning(r io.Reader) io.Reader {
	if b.Head == nil {
		return r
	}
	return &headReader{Reader: r, done: b.Head}
}

// adder brings layers into the store.
type adder struct {
	cfg    *config.Config
	store  *store.Store
	report reporter
}

// reporter is told how far things are.
type reporter interface {
	// Layer announces a layer: fetch says whether it has to be read at all.
	Layer(b blob, fetch bool)
	// Resume says that the first bytes of a layer are here from an earlier attempt.
	Resume(b blob, n int64)
	// Read wraps the bytes of a layer on their way.
	Read(b blob, r io.Reader) io.Reader
	// Line says what is being done, Warn what the user should know.
	Line(format string, args ...any)
	Warn(format string, args ...any)
}

// chainIDs names layers by everything below them (OCI image-spec, config.md, "Layer ChainID").
func chainIDs(blobs []blob) []string {
	var ids []string
	for i, b := range blobs {
		if i == 0 {
			ids = append(ids, b.DiffID.Encoded())
			continue
		}
		sum := sha256.Sum256([]byte("sha256:" + ids[i-1] + " " + b.DiffID.String()))
		ids = append(ids, hex.EncodeToString(sum[:]))
	}
	return ids
}

// layers brings all layers into the store; it gives the id of the last.
func (a *adder) layers(ctx context.Context, blobs []blob) (string, error) {
	if len(blobs) == 0 {
		return "", nil
	}
	for i, b := range blobs {
		if err := b.DiffID.Validate(); err != nil || b.DiffID.Algorithm() != digest.SHA256 {
			return "", errs.Invalidf("layer %d: diff id %q is no digest", i+1, b.DiffID)
		}
	}
	ids := chainIDs(blobs)
	group, ctx := errgroup.WithContext(ctx)
	slots := make(chan struct{}, parallel)
	committed := make([]chan struct{}, len(blobs))
	for i := range committed {
		committed[i] = make(chan struct{})
	}
	for i, b := range blobs {
		if a.store.HasLayer(ids[i]) {
			a.report.Layer(b, false)
			close(committed[i])
			continue
		}
		a.report.Layer(b, true)
		// Slots are taken in order, so that the lowest layer that is missing always has one.
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			if err := group.Wait(); err != nil {
				return "", err
			}
			return "", context.Cause(ctx) // of none that has begun, it may be
		}
		group.Go(func() error {
			below, parent := (chan struct{})(nil), ""
			if i > 0 {
				below, parent = committed[i-1], ids[i-1]
			}
			if err := a.layer(ctx, b, ids[i], parent, below, func() { <-slots }); err != nil {
				return err
			}
			close(committed[i])
			return nil
		})
	}
	return ids[len(ids)-1], group.Wait()
}

// layer fetches, stages and commits one layer, unless another process does just that: then
// it waits for it. release gives the slot back when the layer is staged.
func (a *adder) layer(ctx context.Context, b blob, id, parent string, below chan struct{}, release func()) (err error) {
	released := false
	free := func() {
		if !released {
			released = true
			release()
		}
	}
	defer free()
	lock, err := index.Flock(ctx, filepath.Join(a.cfg.StorageRoot(), "fetching", id), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer lock.Release()
	if a.store.HasLayer(id) {
		return nil
	}
	var staged *store.Staged
	in := &arrival{adder: a, blob: b}
	defer func() { in.close(err) }()
	fetch := func() (err error) {
		staged, err = a.fetch(ctx, in)
		return err
	}
	if b.Retry != nil {
		err = b.Retry(ctx, fetch)
	} else {
		err = fetch()
	}
	if err != nil {
		return err
	}
	free()
	if below != nil {
		select {
		case <-below:
		case <-ctx.Done():
			staged.Discard()
			return context.Cause(ctx)
		}
	}
	return a.store.Commit(ctx, staged, id, parent, b.Digest)
}

// fetch reads one layer to its end and stages it. What an earlier attempt has kept is no good if
// the whole is not: then it begins at the start.
func (a *adder) fetch(ctx context.Context, in *arrival) (*store.Staged, error) {
	for {
		staged, err := a.fetchOnce(ctx, in)
		if err == nil || !errors.Is(err, errs.ErrInvalid) || !in.restart() {
			return staged, err
		}
	}
}

func (a *adder) fetchOnce(ctx context.Context, in *arrival) (*store.Staged, error) {
	b := in.blob
	r, err := in.open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	check := &verifier{r: b.beginning(r), want: b.Digest, size: b.Size, hash: digest.SHA256.Hash()}
	staged, err := a.stage(ctx, check)
	if err == nil || errors.Is(err, errs.ErrInvalid) {
		// What follows the archive belongs to the blob. After an error the digest tells whether
		// the blob was damaged on its way, or is bad as it was made.
		if _, drainErr := io.Copy(io.Discard, check); drainErr != nil && ctx.Err() == nil {
			err = drainErr
		}
	}
	if err == nil && staged.DiffID != b.DiffID && b.DiffID != "" {
		err = errs.Invalidf("its uncompressed digest is %s, the image's configuration says %s", staged.DiffID, b.DiffID)
	}
	if err != nil {
		if staged != nil {
			staged.Discard()
		}
		if ctx.Err() != nil { // to a decompressor it looks like bad input
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("layer %s: %w", short(b), err)
	}
	if len(staged.Devices) > 0 {
		a.report.Warn("layer %s: left out %d device nodes, which an ordinary user cannot make (%s …)", short(b), len(staged.Devices), staged.Devices[0])
	}
	return staged, nil
}

func (a *adder) stage(ctx context.Context, r io.Reader) (*store.Staged, error) {
	plain, err := compress.Reader(r)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	return a.store.Stage(ctx, plain)
}

func short(b blob) string {
	d := b.Digest
	if d == "" {
		d = b.DiffID
	}
	if d == "" {
		return "1"
	}
	return fmt.Sprintf("%.12s", d.Encoded())
}
