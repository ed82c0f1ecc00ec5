package layer

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/pgzip"
	"github.com/vbatts/tar-split/tar/asm"
	tarsplit "github.com/vbatts/tar-split/tar/storage"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// Archive gives the uncompressed archive that a layer was unpacked from, byte for byte: the headers from the
// file of tar-split's, the contents from the layer's files below dir. Contents that have changed are an
// error. A symbolic link in a layer leads nowhere out of it. The caller closes it.
func Archive(headers, dir string) (io.ReadCloser, error) {
	h, err := os.Open(headers)
	if err != nil {
		return nil, err
	}
	plain, err := pgzip.NewReader(h)
	if err != nil {
		h.Close()
		return nil, fmt.Errorf("%s: %w", headers, err)
	}
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		err = &os.PathError{Op: "open", Path: dir, Err: err}
		return nil, errors.Join(err, plain.Close(), h.Close())
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(asm.WriteOutputTarStream(contents(root), tarsplit.NewJSONUnpacker(plain), w))
	}()
	return &archived{r, func() {
		<-done
		_ = plain.Close() // it only ends its goroutines
		h.Close()
		_ = unix.Close(root) // it was opened for its path only
	}}, nil
}

// archived releases what an archive is read from.
type archived struct {
	*io.PipeReader
	release func()
}

func (a *archived) Close() error {
	err := a.PipeReader.Close()
	a.release()
	return err
}

// contents opens files below a directory.
type contents int

// Get opens a file by its name in the archive.
func (c contents) Get(name string) (io.ReadCloser, error) {
	fd, err := linux.OpenInRoot(int(c), name, unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
