package quadlet

import (
	"path/filepath"
	"slices"
)

// kind is a sort of quadlet file.
type kind struct {
	ext     string // .container
	section string // Container
	suffix  string // of the unit's name, before .service
	// nameKey names what the unit makes, by default systemd-NAME.
	nameKey string
	keys    func() []key
	convert func(*conversion)
	// mayBeEmpty says that there is nothing which the section must have.
	mayBeEmpty bool
	// refused says why rc has no such units; nothing else is set then.
	refused string
}

func kinds() []kind {
	const noPods = "rc has no pods yet"
	return []kind{
		{ext: ".container", section: "Container", nameKey: "ContainerName", keys: containerKeys, convert: (*conversion).container},
		{ext: ".volume", section: "Volume", suffix: "-volume", nameKey: "VolumeName", keys: volumeKeys, convert: (*conversion).volume, mayBeEmpty: true},
		{ext: ".network", section: "Network", suffix: "-network", nameKey: "NetworkName", keys: networkKeys, convert: (*conversion).network, mayBeEmpty: true},
		{ext: ".build", section: "Build", suffix: "-build", keys: buildKeys, convert: (*conversion).build},
		{ext: ".image", section: "Image", suffix: "-image", keys: imageKeys, convert: (*conversion).pull},
		{ext: ".pod", section: "Pod", suffix: "-pod", refused: noPods},
		{ext: ".kube", section: "Kube", refused: "rc does not run Kubernetes YAML yet"},
		{ext: ".artifact", section: "Artifact", suffix: "-artifact", refused: "rc has no artifacts yet"},
	}
}

// kindOf is the kind of a file of that name, nil if it is no quadlet.
func kindOf(name string) *kind {
	if name == "" || name[0] == '.' {
		return nil
	}
	all := kinds()
	i := slices.IndexFunc(all, func(k kind) bool { return k.ext == filepath.Ext(name) && len(name) > len(k.ext) })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// Is reports whether a file of that name is a quadlet, be it of a kind that rc refuses.
func Is(name string) bool { return kindOf(filepath.Base(name)) != nil }

// Extensions are those of the quadlets that rc knows.
func Extensions() []string {
	var list []string
	for _, k := range kinds() {
		if k.refused == "" {
			list = append(list, k.ext)
		}
	}
	return list
}
