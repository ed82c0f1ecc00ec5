// Command rc-shim looks after one container: see pkg/shim. It is started by rc, never by
// hand, and is also what the container's first process runs until it execs (pkg/oci).
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/shim"
)

func main() {
	role := ""
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	switch role {
	case "serve":
		os.Exit(shim.Serve(context.Background(), os.Args[2:]))
	case "init":
		os.Exit(oci.Init())
	case "reaper":
		os.Exit(oci.Reaper(os.Args[2:]))
	case "activated":
		os.Exit(oci.Activated(os.Args[2:]))
	}
	fmt.Fprintln(os.Stderr, "rc-shim is part of rc and is started by it; see rc run --help")
	os.Exit(errs.CodeError)
}
