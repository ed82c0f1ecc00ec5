package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/spec"
)

func main() {
	cfg := &config.Config{DataRoot: os.Getenv("D"), RunRoot: os.Getenv("R"), TmpDir: "/var/tmp"}
	ctx := context.Background()
	s := image.Streams{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	t := time.Now()
	var r any
	var err error
	switch os.Args[1] {
	case "load":
		r, err = image.Load(ctx, cfg, image.LoadOptions{Input: os.Args[2], Streams: s})
	case "import":
		r, err = image.Import(ctx, cfg, image.ImportOptions{Source: os.Args[2], Name: os.Args[3], Changes: os.Args[4:], Streams: s})
	case "pull":
		f := false
		r, err = image.Pull(ctx, cfg, image.PullOptions{Image: os.Args[2], Streams: s, Registry: image.Registry{TLSVerify: &f, Retry: 3}})
	case "rmi":
		r, err = image.Remove(ctx, cfg, image.RemoveOptions{Images: os.Args[2:]})
	case "tag":
		err = image.Tag(ctx, cfg, os.Args[2], os.Args[3:]...)
	case "resolve":
		r, err = image.Resolve(ctx, cfg, os.Args[2], spec.Platform{})
	}
	d := time.Since(t)
	if err != nil {
		fmt.Println("ERR", err, "| HINT", errs.Hint(err))
	}
	b, _ := json.MarshalIndent(r, "", " ")
	fmt.Println(string(b), d)
}
