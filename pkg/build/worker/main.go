package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

// sockFD is where rc is.
const sockFD = 3

// Main is the whole program; it gives the exit code, which nobody but a person who started it by hand looks at.
func Main() int {
	unix.CloseOnExec(sockFD)
	h := newHost(os.NewFile(sockFD, "rc"))
	start, err := h.start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "rc-image is part of rc and is started by it; see rc build --help")
		return errs.CodeError
	}
	unix.Umask(0o022)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go func() {
		h.listen(cancel)
		h.lost()
	}()
	result, err := run(ctx, h, start)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	answer := image.Answer{Error: image.NewFailure(err)}
	if err == nil {
		if answer.Result, err = json.Marshal(result); err != nil {
			answer.Error = image.NewFailure(err)
		}
	}
	h.send(build.Message{Answer: &answer})
	if answer.Error != nil {
		return errs.CodeError
	}
	return 0
}
