package volume

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
	"github.com/rc-containers/rc/pkg/userns"
	"github.com/rc-containers/rc/pkg/volume"
	"github.com/rc-containers/rc/pkg/volume/driver"
)

type createOptions struct {
	spec.Volume
	Ignore bool
}

func newCreateCommand(a *cli.App, runF cli.RunFunc[createOptions]) *cobra.Command {
	opts := &createOptions{}
	var labels, options []string
	var uid, gid uint32
	cmd := &cobra.Command{
		Use:   "create [options] [NAME]",
		Short: "Make a volume",
		Long: `Makes a volume and prints its name, which is made up where none is given. A volume is
a directory of rc's. With options it is something else:

  --opt type=tmpfs [--opt o=size=64m,mode=1777,…]
      lives in memory, for as long as the container runs that has it
  --opt type=none --opt device=/DIRECTORY --opt o=bind[,ro,…]
      is a directory of the host
  --opt o=uid=N,gid=N
      belongs to these ids, as a container sees them (as --uid and --gid)
  --opt o=nocopy, --opt nocopy
      is not filled with what the first container's image has

Quotas (o=size= of a directory), and mounting anything else, are for root. o=noquota is
accepted and without effect: there is no quota.`,
		Example: `rc volume create data
rc volume create --label keep=yes --opt type=tmpfs --opt o=size=64m scratch`,
		Args:              cli.Between(0, 1, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags := cmd.Flags()
			if flags.Changed("uid") {
				n := int(uid)
				opts.UID = &n
			}
			if flags.Changed("gid") {
				n := int(gid)
				opts.GID = &n
			}
			if err := opts.take(args, labels, options); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&opts.Driver, "driver", "d", spec.DriverLocal, "Driver: local is the only one")
	cli.ListVar(flags, &labels, "label", "l", "Set a label: KEY=VALUE")
	cli.ListVar(flags, &options, "opt", "o", "Set an option of the driver: KEY=VALUE, KEY one of "+strings.Join(driver.OptionKeys(), ", "))
	flags.BoolVar(&opts.Ignore, "ignore", false, "A volume that is there already is no error, and stays as it is")
	flags.Uint32Var(&uid, "uid", 0, "Owner of the volume")
	flags.Uint32Var(&gid, "gid", 0, "Group of the volume")
	cli.Must(cmd.RegisterFlagCompletionFunc("driver", cobra.FixedCompletions([]string{spec.DriverLocal}, cobra.ShellCompDirectiveNoFileComp)))
	cli.Must(cmd.RegisterFlagCompletionFunc("opt", cli.CompleteKeys([]string{"type", "device", "o"}, func(key string) []string {
		if key == "type" {
			return []string{"none", "tmpfs"}
		}
		return nil
	})))
	return cmd
}

// take checks what was said; nothing is changed yet.
func (o *createOptions) take(args, labels, options []string) error {
	if len(args) > 0 {
		if err := spec.CheckVolumeName(args[0]); err != nil {
			return err
		}
		o.Name = args[0]
	}
	switch o.Driver {
	case spec.DriverLocal:
	case "image":
		return errs.WithHint(errs.Unsupportedf("--driver image"), "rc run --mount type=image,src=IMAGE,dst=…,rw")
	default:
		return errs.Unsupportedf("--driver %s: rc has the driver local only, and no plugins", o.Driver)
	}
	o.Labels, o.Options = map[string]string{}, map[string]string{}
	for _, text := range labels {
		key, value, err := parse.Label(text)
		if err != nil {
			return fmt.Errorf("--label %w", err)
		}
		o.Labels[key] = value
	}
	for _, text := range options {
		key, value, _ := strings.Cut(text, "=")
		if _, twice := o.Options[key]; twice {
			if key != "o" {
				return errs.Invalidf("--opt %q: %s is there twice", text, key)
			}
			value = o.Options[key] + "," + value
		}
		o.Options[key] = value
	}
	how, err := driver.Parse(o.Options)
	if err != nil {
		return fmt.Errorf("--opt: %w", err)
	}
	if (o.UID != nil || o.GID != nil) && how.Kind == volume.Bind {
		return errs.Invalidf("--uid and --gid: the directory is the host's, and has its owner")
	}
	return nil
}

func createVolume(ctx context.Context, a *cli.App, opts *createOptions) error {
	how, err := driver.Parse(opts.Options)
	if err != nil {
		return err
	}
	uid, gid := cmp.Or(opts.UID, how.UID), cmp.Or(opts.GID, how.GID)
	if (uid != nil || gid != nil) && how.Kind == volume.Plain && !a.InUserns {
		if err := mapped(ctx, uid, gid); err != nil {
			return fmt.Errorf("create volume: %w", err)
		}
		return a.Reexecute(ctx, os.Args[1:]...)
	}
	root := records.Volumes(a.Config)
	_ = root.Sweep() // of others, and of no concern to this one
	if opts.Name == "" {
		var b [32]byte
		if _, err := rand.Read(b[:]); err != nil {
			return fmt.Errorf("volume name: %w", err)
		}
		opts.Name = hex.EncodeToString(b[:])
	}
	err = driver.Create(root, opts.Volume, true)
	if errors.Is(err, errs.ErrExists) {
		if !opts.Ignore {
			return errs.WithHint(err, "rc volume create --ignore "+opts.Name)
		}
		err = nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(a.Stdout, opts.Name)
	return nil
}

// mapped refuses owners that nothing of the user's can have.
func mapped(ctx context.Context, owners ...*int) error {
	ids, err := userns.DefaultMap(ctx)
	if err != nil {
		return err
	}
	for _, owner := range owners {
		if owner != nil && !ids.Contains(uint32(*owner)) {
			err := errs.Unsupportedf("owner %d: there are only %d ids", *owner, ids.Size())
			if ids.Single() {
				err = errs.WithHint(err, ids.Notice())
			}
			return err
		}
	}
	return nil
}
