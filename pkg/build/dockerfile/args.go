package dockerfile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// Names of build arguments that mean something without an ARG.
const (
	argEpoch     = "SOURCE_DATE_EPOCH"
	argSyntax    = "BUILDKIT_SYNTAX"
	argCheck     = "BUILDKIT_DOCKERFILE_CHECK"
	argCacheNS   = "BUILDKIT_CACHE_MOUNT_NS"
	argHostname  = "BUILDKIT_SANDBOX_HOSTNAME"
	prefixOfOurs = "BUILDKIT_"
)

// proxies are the variables that a RUN has when they are given as build arguments, without an ARG: in
// upper and lower case, and in no key and no history.
var proxies = []string{"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"}

// platformArgs are the arguments that FROM can use without an ARG, and stages with one.
func platformArgs(target, build spec.Platform, stage string) *env {
	e := &env{}
	for _, kv := range [][2]string{
		{"BUILDPLATFORM", formatPlatform(build)},
		{"BUILDOS", build.OS},
		{"BUILDOSVERSION", ""},
		{"BUILDARCH", build.Arch},
		{"BUILDVARIANT", build.Variant},
		{"TARGETPLATFORM", formatPlatform(target)},
		{"TARGETOS", target.OS},
		{"TARGETOSVERSION", ""},
		{"TARGETARCH", target.Arch},
		{"TARGETVARIANT", target.Variant},
		{"TARGETSTAGE", stage},
	} {
		e.set(kv[0], kv[1])
	}
	return e
}

func formatPlatform(p spec.Platform) string {
	return strings.TrimSuffix(p.OS+"/"+p.Arch+"/"+p.Variant, "/")
}

// parsePlatform reads os/arch[/variant]; the variants that everybody means are left out, as containerd's
// normalization does.
func parsePlatform(value string) (spec.Platform, error) {
	p, err := parse.Platform(value)
	switch {
	case err != nil:
		return p, err
	case p.Arch == "arm64" && (p.Variant == "v8" || p.Variant == "8"), p.Arch == "amd64" && p.Variant == "v1":
		p.Variant = ""
	case p.Arch == "arm" && p.Variant == "":
		p.Variant = "v7"
	case p.Arch == "arm" && len(p.Variant) == 1:
		p.Variant = "v" + p.Variant
	}
	return p, nil
}

// globalArgs adds the ARGs before the first FROM to predefined; given are the build's.
func (f *File) globalArgs(predefined *env, given map[string]string) (*env, error) {
	args, lex := predefined.clone(), shell.NewLex(f.escape)
	for _, c := range f.global {
		for _, a := range c.Args {
			value := a.Value
			if v, ok := given[a.Key]; ok {
				value = &v
			} else if value != nil {
				v, _, err := lex.ProcessWord(*value, args)
				if err != nil {
					return nil, f.at(err, lines(c.Location()))
				}
				value = &v
			}
			if value != nil {
				args.set(a.Key, *value)
			}
		}
	}
	return args, nil
}

// lintDefaults warns of bases that nobody can name without --build-arg.
func (f *File) lintDefaults(predefined *env, lint *linter.Linter) {
	args, err := f.globalArgs(predefined, nil)
	if err != nil {
		return // with the build's own arguments it may be right
	}
	lex, stages := shell.NewLex(f.escape), map[string]bool{}
	for _, s := range f.stages {
		name, _, err := lex.ProcessWord(s.BaseName, args)
		if err != nil {
			return
		}
		isStage := stages[strings.ToLower(name)]
		stages[s.Name] = true
		if _, err := index.ParseName(name); err != nil && (!isStage || name == "") {
			lint.Run(&linter.RuleInvalidDefaultArgInFrom, s.Location, linter.RuleInvalidDefaultArgInFrom.Format(s.BaseName))
		}
	}
}

// epoch is SOURCE_DATE_EPOCH of the build arguments, or of an ARG before the first FROM.
func epoch(given map[string]string, global *env) (*int64, error) {
	value, ok := given[argEpoch]
	if !ok {
		value, _ = global.Get(argEpoch)
	}
	if value == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%s %q: want seconds since 1970", argEpoch, value)
	}
	return &n, nil
}

// proxyEnv is what proxies among the build arguments add to the environment of a RUN.
func proxyEnv(given map[string]string) []string {
	values := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if upper := strings.ToUpper(name); slices.Contains(proxies, upper) {
			values[upper] = given[name]
		}
	}
	var list []string
	for _, name := range proxies {
		if v := values[name]; v != "" {
			list = append(list, name+"="+v, strings.ToLower(name)+"="+v)
		}
	}
	return list
}

// declared are the names of ARG instructions.
func declared(commands []instructions.Command) []string {
	var names []string
	for _, c := range commands {
		if arg, ok := c.(*instructions.ArgCommand); ok {
			for _, a := range arg.Args {
				names = append(names, a.Key)
			}
		}
	}
	return names
}

// Unused is a warning of build arguments that no ARG has asked for, "" where there are none. Call it when the
// stages have been gone through: base images may have ONBUILD ARG.
func (p *Plan) Unused() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var unused []string
	for _, name := range slices.Sorted(maps.Keys(p.options.Args)) {
		_, predefined := p.predefined.Get(name)
		if p.declared[name] || predefined || name == argEpoch || strings.HasPrefix(name, prefixOfOurs) ||
			slices.Contains(proxies, strings.ToUpper(name)) {
			continue
		}
		unused = append(unused, name+meant(name, slices.Sorted(maps.Keys(p.declared))))
	}
	if unused == nil {
		return ""
	}
	return fmt.Sprintf("One or more build-args [%s] were not consumed", strings.Join(unused, " "))
}

// declare remembers that ARG instructions ask for names.
func (p *Plan) declare(names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range names {
		p.declared[name] = true
	}
}
