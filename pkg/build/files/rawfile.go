package files

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// rawFile is the descriptor of a regular file: without what an os.File does for pipes and terminals, which is
// several system calls for each of 100,000 files. noFile is none.
type rawFile int

const noFile rawFile = -1

func (f rawFile) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(f), p)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n == 0 && err == nil && len(p) > 0 {
			err = io.EOF
		}
		return max(n, 0), err
	}
}

func (f rawFile) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := unix.Write(int(f), p[done:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

func (f rawFile) Close() error {
	if f == noFile {
		return nil
	}
	return unix.Close(int(f))
}
