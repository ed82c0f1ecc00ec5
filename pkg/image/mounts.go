package image

import (
	"path/filepath"

	"github.com/rc-containers/rc/pkg/config"
)

// MountsDir has a directory for each image that rc image mount has mounted, and for each mount namespace that
// it is mounted in: ID.NAMESPACE.
func MountsDir(cfg *config.Config) string { return filepath.Join(cfg.RunRoot, "image-mounts") }

// IsMounted says whether an image is mounted somewhere. Records of namespaces that have ended count until
// somebody has swept them.
func IsMounted(cfg *config.Config, id string) bool {
	found, err := filepath.Glob(filepath.Join(MountsDir(cfg), id+".*", "mount.json"))
	return err == nil && len(found) > 0
}
