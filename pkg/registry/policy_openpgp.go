//go:build containers_image_openpgp

package registry

import (
	"context"
	"fmt"

	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/types"

	"github.com/rc-containers/rc/pkg/errs"
)

// allowed checks signatures as policy.json demands.
func allowed(ctx context.Context, sys *types.SystemContext, img types.UnparsedImage) error {
	if sys.SignaturePolicyPath == "" && policyFile() == "" {
		return nil
	}
	policy, err := signature.DefaultPolicy(sys)
	if err != nil {
		return fmt.Errorf("read policy.json: %w", err)
	}
	pc, err := signature.NewPolicyContext(policy)
	if err != nil {
		return fmt.Errorf("read policy.json: %w", err)
	}
	defer pc.Destroy() //nolint:errcheck // it frees memory and always succeeds in state "ready"
	ok, err := pc.IsRunningImageAllowed(ctx, img)
	if err == nil && ok {
		return nil
	}
	return errs.WithHint(fmt.Errorf("policy.json does not allow this image: %w", err),
		"see containers-policy.json(5): the image's signature, or the rule for its registry")
}
