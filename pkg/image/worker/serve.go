package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/store"
)

// sockFD is where rc waits for the answer.
const sockFD = 3

// Main is the whole program; it gives the exit code, which nobody but a person who started the program by hand looks at.
func Main() int {
	sock := os.NewFile(sockFD, "rc")
	data, files, err := linux.Receive(sock, image.MaxMessage)
	for _, f := range files {
		f.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rc-image is part of rc and is started by it; see rc pull --help")
		return errs.CodeError
	}
	unix.CloseOnExec(sockFD)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go watch(sock, cancel)
	result, err := serve(ctx, data)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	answer := image.Answer{Error: image.NewFailure(err)}
	if err == nil {
		answer.Result, err = json.Marshal(result)
		if err != nil {
			answer.Error = image.NewFailure(err)
		}
	}
	if data, err = json.Marshal(answer); err == nil {
		err = linux.Send(sock, data)
	}
	if err != nil || answer.Error != nil {
		return errs.CodeError
	}
	return 0
}

// errInterrupted is the end that a signal or rc's own end makes.
var errInterrupted = errors.New("interrupted")

// watch ends the work when rc closes its side, or a signal comes.
func watch(sock *os.File, cancel context.CancelCauseFunc) {
	signals := make(chan os.Signal, 4)
	linux.Catch(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	go func() {
		<-signals
		cancel(errInterrupted)
	}()
	// rc sends nothing any more: whatever this returns is the end.
	_, _, _ = linux.Receive(sock, 1)
	cancel(errInterrupted)
}

// serve does what was asked for, and writes the index where the store was changed.
func serve(ctx context.Context, data []byte) (any, error) {
	var r image.Request
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("rc-image: decode request: %w", err)
	}
	unix.Umask(0o022)
	switch r.Verb {
	case image.VerbPull:
		return plain(ctx, r, pull)
	case image.VerbLoad:
		return with(ctx, r, load)
	case image.VerbSave:
		return with(ctx, r, save)
	case image.VerbLook:
		return with(ctx, r, look)
	case image.VerbPushList:
		return with(ctx, r, pushList)
	case image.VerbTake:
		return with(ctx, r, take)
	case image.VerbPush:
		return with(ctx, r, push)
	case image.VerbImport:
		return with(ctx, r, importRootfs)
	case image.VerbCommit:
		return with(ctx, r, commit)
	case image.VerbTag:
		return with(ctx, r, tag)
	case image.VerbUntag:
		return with(ctx, r, untag)
	case image.VerbRemove:
		return with(ctx, r, remove)
	case image.VerbMountSizes:
		return mountSizes(ctx, r)
	case image.VerbPruneBuildCache:
		return with(ctx, r, pruneBuildCache)
	case image.VerbCheck:
		return checked(ctx, r)
	case image.VerbLogin:
		return plain(ctx, r, login)
	case image.VerbLogout:
		return plain(ctx, r, logout)
	case image.VerbCredentials:
		return plain(ctx, r, loggedIn)
	case image.VerbSearch:
		return plain(ctx, r, search)
	case image.VerbFetch:
		return plain(ctx, r, fetch)
	case image.VerbRefresh:
		return with(ctx, r, func(context.Context, *config.Config, *store.Store, struct{}) (struct{}, error) {
			return struct{}{}, nil
		})
	}
	return nil, errs.Invalidf("rc-image: verb %q is unknown", r.Verb)
}

// checked is with for check, which writes nothing where nothing is to be repaired.
func checked(ctx context.Context, r image.Request) (any, error) {
	var o image.CheckOptions
	if err := json.Unmarshal(r.Options, &o); err != nil {
		return nil, fmt.Errorf("rc-image: decode options: %w", err)
	}
	if o.Repair {
		return with(ctx, r, check)
	}
	s, err := open(ctx, r.Config)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return check(ctx, r.Config, s, o)
}

// with decodes a verb's options, opens the store, and writes the index at the end, whether the
// verb succeeded in everything or not.
func with[O, R any](ctx context.Context, r image.Request, do func(context.Context, *config.Config, *store.Store, O) (R, error)) (any, error) {
	var o O
	if err := json.Unmarshal(r.Options, &o); err != nil {
		return nil, fmt.Errorf("rc-image: decode options: %w", err)
	}
	s, err := open(ctx, r.Config)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	result, err := do(ctx, r.Config, s, o)
	// An interrupted verb may have changed the store before.
	if refreshErr := s.Refresh(context.WithoutCancel(ctx)); err == nil {
		err = refreshErr
	}
	return result, err
}

// open opens the store, and tells of what had to be mended for that.
func open(ctx context.Context, cfg *config.Config) (*store.Store, error) {
	s, err := store.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	for _, notice := range s.Notices {
		fmt.Fprintln(os.Stderr, "Warning:", notice)
	}
	return s, nil
}
