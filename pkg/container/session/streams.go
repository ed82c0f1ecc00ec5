package session

import (
	"os"
)

// Streams are the caller's, which a container in the foreground uses.
type Streams struct{ In, Out, Err *os.File }
