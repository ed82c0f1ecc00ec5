// Command rc-image works on the image store for rc: see pkg/image/worker. It is started by
// rc, in the default map, never by hand.
package main

import (
	"os"

	"github.com/rc-containers/rc/pkg/image/worker"
)

func main() { os.Exit(worker.Main()) }
