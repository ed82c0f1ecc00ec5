package index

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rc-containers/rc/pkg/config"
)

// Raw is an image's configuration and manifest as the registry or archive gave them.
func Raw(cfg *config.Config, id string) (config, manifest []byte, err error) {
	dir := filepath.Join(cfg.StorageRoot(), "overlay-images", id)
	if config, err = os.ReadFile(filepath.Join(dir, dataName("sha256:"+id))); err != nil {
		return nil, nil, fmt.Errorf("read image %s: %w", id, err)
	}
	if manifest, err = os.ReadFile(filepath.Join(dir, dataName("manifest"))); err != nil {
		return nil, nil, fmt.Errorf("read image %s: %w", id, err)
	}
	return config, manifest, nil
}

// dataName is how the storage library names the file of an image's data item.
func dataName(key string) string {
	if strings.Trim(key, ".0123456789abcdefghijklmnopqrstuvwxyz") == "" {
		return key
	}
	return "=" + base64.StdEncoding.EncodeToString([]byte(key))
}
