// Command tar writes the archive of package busybox to standard output.
package main

import (
	"fmt"
	"os"

	"github.com/rc-containers/rc/test/busybox"
)

func main() {
	if err := busybox.Write(os.Stdout, busybox.Path); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}
