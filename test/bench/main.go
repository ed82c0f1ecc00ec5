package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	dir     string // scratch directory, ours to fill
	bin     string // where rc and rc-shim are
	rootfs  string // tar archive of a root filesystem; "" makes one of busybox
	runs    int
	idle    int // containers that run at once when the shim's memory is measured
	many    int // detached containers that run at once
	unit    bool
	strict  bool
	only    string
	lookup  string
	flood   string
	dial    string
	serve   string
	lookups int
	receive string
	cycles  int
	timeout time.Duration
}

var errMissed = errors.New("a limit was missed")

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "", "scratch `directory`")
	flag.StringVar(&o.bin, "bin", "", "`directory` of rc and rc-shim")
	flag.StringVar(&o.rootfs, "rootfs", "", "root filesystem `archive`; made of busybox-static where empty")
	flag.IntVar(&o.runs, "runs", 50, "measured runs of each contender")
	flag.IntVar(&o.idle, "idle", 50, "containers that run while the shim's memory is measured")
	flag.IntVar(&o.many, "many", 100, "detached containers that run at once in the table of that name")
	flag.BoolVar(&o.unit, "unit", false, "measure the contenders of a unit and print samples (started by bench itself)")
	flag.BoolVar(&o.strict, "strict", false, "exit 1 where a limit is missed")
	flag.StringVar(&o.only, "only", "", "run only tables whose name contains `text`")
	flag.StringVar(&o.lookup, "lookup", "", "measure how long the lookup of a `name` takes (started in a container by bench itself)")
	flag.StringVar(&o.flood, "flood", "", "send datagrams to an `address` (as -lookup)")
	flag.StringVar(&o.dial, "dial", "", "measure how long connections to an `address` take (as -lookup)")
	flag.StringVar(&o.serve, "serve", "", "answer connections to an `address` (as -lookup)")
	flag.IntVar(&o.lookups, "lookups", 200, "how many of them")
	flag.StringVar(&o.receive, "receive", "", "measure how long it takes to receive what the `address` sends (started in a container by bench itself)")
	flag.IntVar(&o.cycles, "cycles", 1000, "connections and disconnections in the table of that name")
	flag.DurationVar(&o.timeout, "timeout", 25*time.Minute, "give up after")
	flag.Parse()

	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	ctx, stop := context.WithTimeout(ctx, o.timeout)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		cancel()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	switch {
	case o.lookup != "":
		return lookUp(ctx, o.lookup, o.lookups)
	case o.receive != "":
		return printReceived(ctx, o.receive)
	case o.flood != "":
		return flood(o.flood)
	case o.dial != "":
		return dial(o.dial)
	case o.serve != "":
		return serveAt(o.serve)
	}
	if o.dir == "" || o.bin == "" {
		return errors.New("-dir and -bin are needed: start it by test/bench/run.sh")
	}
	g, err := prepare(ctx, o)
	if err != nil {
		return err
	}
	if o.unit {
		return measureUnit(ctx, g, o)
	}
	g.podmanErr = g.preparePodman(ctx)
	defer g.clear()
	before := load()
	missed, err := measureAll(ctx, g, o)
	// Others' work makes everything slower, and what uses both processors most of all.
	fmt.Printf("Load average of the last minute: %s before, %s after.\n\n", before, load())
	if err != nil {
		return err
	}
	switch {
	case missed == 0:
		fmt.Println("Every limit holds.")
	case o.strict:
		return fmt.Errorf("%d limits: %w", missed, errMissed)
	default:
		fmt.Printf("Missed limits: %d\n", missed)
	}
	return nil
}

// load is the first number of /proc/loadavg.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(data), " ")
	return first
}

// ground is what the contenders stand on.
type ground struct {
	bin    string // of rc and rc-shim
	bundle string // OCI bundle for crun and runc
	rootfs string // its unpacked root filesystem
	image  string // archive of the same files, for import
	env    []string
	work   string
	rcErr  error // why rc cannot run here; nil: it can
	// podmanErr is why podman cannot; it is nil in a unit.
	podmanErr error
}

// prepare unpacks the root filesystem and gives each image store the same files. It is
// repeated in the unit, where everything is there already.
func prepare(ctx context.Context, o options) (*ground, error) {
	home := filepath.Join(o.dir, "home")
	g := &ground{
		bin:    o.bin,
		bundle: filepath.Join(o.dir, "bundle"),
		rootfs: filepath.Join(o.dir, "bundle", "rootfs"),
		image:  filepath.Join(o.dir, "rootfs.tar"),
		work:   o.dir,
	}
	g.env = environment(home, filepath.Join(o.dir, "tmp"), o.bin)
	for _, dir := range []string{home, filepath.Join(o.dir, "tmp"), g.rootfs} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if !o.unit {
		if err := g.makeRootfs(ctx, o.rootfs); err != nil {
			return nil, err
		}
		if err := g.makeBundle(ctx); err != nil {
			return nil, err
		}
	}
	g.rcErr = g.prepareRC(ctx, o.unit)
	return g, nil
}

// environment is that of every contender: its own home, so that neither the user's
// settings nor his images matter.
func environment(home, tmp, bin string) []string {
	env := []string{
		"HOME=" + home, "TMPDIR=" + tmp,
		"PATH=" + bin + ":/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
	}
	for _, name := range []string{"USER", "LOGNAME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "LANG"} {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}
