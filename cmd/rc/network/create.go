package network

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/networks"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/network/bridge"
)

type createOptions struct {
	bridge.Options

	Ignore bool
}

func newCreateCommand(a *cli.App, runF cli.RunFunc[createOptions]) *cobra.Command {
	opts := &createOptions{}
	cmd := &cobra.Command{
		Use:   "create [options] [NAME]",
		Short: "Create a bridge network",
		Long: `Creates a bridge network and prints its name. Containers on it reach each other by
address and, unless --disable-dns is given, by name, alias and id; containers on
other networks they do not reach. Without --subnet, a subnet is chosen that
neither another network nor the host has.

--gateway and --ip-range belong to the --subnet at the same place: the first to
the first.`,
		Example: `rc network create
rc network create --subnet 10.77.0.0/24 --ip-range 10.77.0.128/25 web
rc network create --ipv6 --label team=a web
rc network create --internal backend`,
		Args:              cli.Between(0, 1, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				opts.Name = args[0]
			}
			if _, err := bridge.New(opts.Options); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&opts.Driver, "driver", "d", bridge.Driver, "Driver: bridge is the only one")
	cli.ListVar(flags, &opts.Options.Options, "opt", "o", "Option: mtu=BYTES, isolate=true|strict, no_default_route=true|false")
	cli.ListVar(flags, &opts.Subnets, "subnet", "", "Subnet, such as 10.77.0.0/24; one for IPv4, one for IPv6")
	cli.ListVar(flags, &opts.Gateways, "gateway", "", "The bridge's address in the subnet (default the first one)")
	cli.ListVar(flags, &opts.IPRanges, "ip-range", "", "Part of the subnet that containers get addresses from: a network, or FIRST-LAST")
	flags.BoolVar(&opts.IPv6, "ipv6", false, "Give it an IPv6 subnet, too")
	flags.BoolVar(&opts.Internal, "internal", false, "Containers reach each other only, nothing outside")
	cli.ListVar(flags, &opts.Labels, "label", "", "Label KEY=VALUE")
	cli.ListVar(flags, &opts.DNS, "dns", "", "Name server to ask for names that are no container's (default the host's)")
	flags.BoolVar(&opts.DisableDNS, "disable-dns", false, "Containers do not find each other by name")
	cli.ListVar(flags, &opts.Routes, "route", "", "Static route in each container: DESTINATION,GATEWAY[,METRIC]")
	flags.StringVar(&opts.Interface, "interface-name", "", "Name of the bridge (default rc1, rc2, …)")
	flags.StringVar(&opts.IPAMDriver, "ipam-driver", "", "How addresses are given: host-local is the only way")
	flags.BoolVar(&opts.Ignore, "ignore", false, "Do not mind a network of that name that is there already")
	cli.AddRefusals(flags, []cli.Refusal{
		{Name: "attachable", Why: "every network can be attached to", Harmless: []string{"true", "false"}, Switch: true},
		{Name: "ipv4", Why: "every network has IPv4 addresses", Harmless: []string{"true"}, Switch: true},
		{Name: "scope", Why: "rc works on one machine", Harmless: []string{"local"}},
	})
	cli.Must(cmd.RegisterFlagCompletionFunc("driver", cobra.FixedCompletions([]string{bridge.Driver}, cobra.ShellCompDirectiveNoFileComp)))
	cli.Must(cmd.RegisterFlagCompletionFunc("ipam-driver", cobra.FixedCompletions([]string{"host-local"}, cobra.ShellCompDirectiveNoFileComp)))
	cli.Must(cmd.RegisterFlagCompletionFunc("opt", cli.CompleteKeys(bridge.OptionKeys(), func(key string) []string {
		return map[string][]string{bridge.OptionIsolate: {"true", "strict"}, bridge.OptionNoDefault: {"true", "false"}, bridge.OptionMTU: {"1500", "9000"}}[key]
	})))
	return cmd
}

func create(_ context.Context, a *cli.App, opts *createOptions) error {
	n, err := bridge.New(opts.Options)
	if err != nil {
		return err
	}
	if n.IPv6Enabled {
		if _, err := os.Stat("/proc/net/if_inet6"); err != nil {
			return errs.WithHint(errs.Unsupportedf("network %q: IPv6 is off on this host", n.Name), "leave --ipv6 and IPv6 subnets out")
		}
	}
	s, err := store(a)
	if err != nil {
		return err
	}
	err = s.Create(n, bridge.HostNetworks())
	switch {
	case errors.Is(err, errs.ErrExists) && opts.Ignore:
	case err != nil:
		return fmt.Errorf("create %w", err)
	default:
		networks.Emit(a.Config, "create", n, "")
	}
	fmt.Fprintln(a.Stdout, n.Name)
	return nil
}
