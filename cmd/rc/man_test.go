package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/rc-containers/rc/cmd/rc/cli"
)

// manDir is how `make man` gets the pages: the generator is no part of rc.
var manDir = flag.String("man", "", "write the manual pages into this directory")

// TestManPages makes a page for every command, and looks into them.
func TestManPages(t *testing.T) {
	dir := *manDir
	if dir == "" {
		dir = t.TempDir()
	}
	root := newRootCommand(&cli.App{}, nil)
	root.DisableAutoGenTag = true
	epoch := time.Unix(0, 0).UTC() // the same pages from the same source
	if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "rc", Manual: "rc", Date: &epoch}, dir); err != nil {
		t.Fatal(err)
	}
	visit(root, func(cmd *cobra.Command) {
		if !cmd.IsAvailableCommand() && cmd.HasParent() {
			return
		}
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		page, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			return
		}
		for _, heading := range []string{".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH EXAMPLE"} {
			if !bytes.Contains(page, []byte(heading)) {
				t.Errorf("%s has no %s", name, heading)
			}
		}
	})
}
