package driver

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse/mount"
	"github.com/rc-containers/rc/pkg/volume"
)

// OptionKeys are the keys of --opt.
func OptionKeys() []string { return []string{"copy", "device", "nocopy", "o", "type"} }

// Parse reads the driver options of a volume, as docker and podman have them.
func Parse(options map[string]string) (volume.Mount, error) {
	var m volume.Mount
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if !slices.Contains(OptionKeys(), key) {
			return m, errs.Invalidf("option %q: want one of %s%s", key, strings.Join(OptionKeys(), ", "), spec.Meant(key, OptionKeys()))
		}
	}
	_, m.NoCopy = options["nocopy"]
	words, err := owners(&m, options["o"])
	if err != nil {
		return m, err
	}
	kind, device := options["type"], options["device"]
	isBind := slices.Contains(words, "bind") || slices.Contains(words, "rbind")
	switch {
	case kind == "tmpfs":
		return m, tmpfs(&m, device, options["o"])
	case kind == "" && device == "":
		return m, plain(words)
	case kind == "bind" || (kind == "none" || kind == "") && isBind:
		return m, bind(&m, device, words)
	case kind == "" || kind == "none":
		return m, errs.Invalidf("option device=%s: want type=none and o=bind beside it", device)
	}
	return m, errs.WithHint(errs.Unsupportedf("option type=%s: only root can mount that", kind),
		"have root mount it, and use --opt type=none --opt o=bind --opt device=DIRECTORY")
}

// owners takes uid=, gid=, and what says whether to copy, out of o=.
func owners(m *volume.Mount, text string) ([]string, error) {
	var words []string
	for word := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "uid", "gid":
			n, err := strconv.ParseUint(value, 10, 31)
			if err != nil {
				return nil, errs.Invalidf("option o=%s: want a number", word)
			}
			number := int(n)
			if key == "uid" {
				m.UID = &number
			} else {
				m.GID = &number
			}
		case "nocopy":
			m.NoCopy = true
		case "", "copy", "noquota": // there is no quota
		default:
			words = append(words, word)
		}
	}
	return words, nil
}

// plain refuses what a directory cannot have.
func plain(words []string) error {
	if len(words) == 0 {
		return nil
	}
	word := words[0]
	if key, _, _ := strings.Cut(word, "="); key == "size" || key == "inodes" {
		return errs.WithHint(errs.Unsupportedf("option o=%s: only root can set quotas", word), "--opt type=tmpfs has a size")
	}
	return errs.Invalidf("option o=%s: it needs type= and device=; a directory takes uid=, gid=, nocopy and noquota", word)
}

func tmpfs(m *volume.Mount, device, text string) error {
	if device != "" && device != "tmpfs" {
		return errs.Invalidf("option device=%s: of type=tmpfs it is tmpfs", device)
	}
	m.Kind = volume.Tmpfs
	var words []string
	for word := range strings.SplitSeq(text, ",") {
		if !slices.Contains([]string{"", "copy", "nocopy", "noquota"}, word) {
			words = append(words, word)
		}
	}
	parsed, err := mount.Tmpfs("/volume:" + strings.Join(words, ","))
	if err != nil {
		return errs.Invalidf("option o=%s: %w", text, err)
	}
	if slices.Contains(parsed.Options, spec.OptChown) {
		return errs.Invalidf("option o=%s: U is for mounts; want uid= and gid=", text)
	}
	m.Options = parsed.Options
	if m.NoCopy {
		m.Options = slices.DeleteFunc(m.Options, func(o string) bool { return o == spec.OptTmpCopyUp })
	}
	return nil
}

func bind(m *volume.Mount, device string, words []string) error {
	if !filepath.IsAbs(device) {
		return errs.Invalidf("option device=%s: want the absolute path of a directory", device)
	}
	m.Kind, m.Device = volume.Bind, filepath.Clean(device)
	checked, err := mount.Volume("/x:/volume:"+strings.Join(words, ","), "/")
	if err != nil {
		return errs.Invalidf("option o=%s: %w", strings.Join(words, ","), err)
	}
	if slices.Contains(checked.Options, spec.OptChown) || slices.Contains(checked.Options, spec.OptOverlay) {
		return errs.Invalidf("option o=%s: U and O are for mounts", strings.Join(words, ","))
	}
	m.Options = checked.Options
	return nil
}
