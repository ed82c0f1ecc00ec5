//go:build !containers_image_openpgp

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.podman.io/image/v5/types"

	"github.com/rc-containers/rc/pkg/errs"
)

// allowed lets nothing through that would have to be checked: this rc was built without the
// means to do so.
func allowed(_ context.Context, sys *types.SystemContext, _ types.UnparsedImage) error {
	path := sys.SignaturePolicyPath
	if path == "" {
		path = policyFile()
	}
	if path == "" {
		return nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && sys.SignaturePolicyPath == "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read policy: %w", err)
	}
	var policy any
	if err := json.Unmarshal(data, &policy); err != nil {
		return errs.Invalidf("read policy %q: %w", path, err)
	}
	if !trusting(policy) {
		return errs.WithHint(errs.Unsupportedf("policy %q: this rc cannot check signatures", path),
			"build it with -tags containers_image_openpgp")
	}
	return nil
}

// trusting says whether every requirement in the file accepts anything.
func trusting(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		if kind, ok := v["type"]; ok {
			return kind == "insecureAcceptAnything"
		}
		for _, x := range v {
			if !trusting(x) {
				return false
			}
		}
	case []any:
		for _, x := range v {
			if !trusting(x) {
				return false
			}
		}
	}
	return true
}
