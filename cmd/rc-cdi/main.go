// Command rc-cdi reads the files of the Container Device Interface for rc: see package cdi.
package main

import (
	"fmt"
	"os"

	"github.com/rc-containers/rc/pkg/cdi/worker"
	"github.com/rc-containers/rc/pkg/errs"
)

func main() {
	if err := worker.Main(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "rc-cdi:", err)
		os.Exit(errs.CodeError)
	}
}
