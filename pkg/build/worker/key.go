package worker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// keyVersion changes when the same instruction comes to mean something else.
const keyVersion = 1

// key is everything that the outcome of a step depends on. What is in the layers below counts, and not how they came
// about: so two ways that lead to the same files share what follows.
type key struct {
	Version int    `json:"version"`
	Parent  string `json:"parent"` // the topmost layer below, which stands for all
	Kind    string `json:"kind"`
	// Clamp is the latest time that files may have.
	Clamp *int64 `json:"clamp,omitempty"`
	// Instruction is what is done, with all variables expanded.
	Instruction any `json:"instruction"`
	// Content stands for the files that are read.
	Content []string `json:"content,omitempty"`
	// Link says that the layer is the same whatever is below: COPY --link.
	Link bool `json:"-"`
}

// anywhere names the key of a linked layer without what is below.
func (k key) anywhere() (string, error) {
	k.Parent, k.Kind = "", k.Kind+" link"
	return k.sum()
}

// sum names a key: 64 hex digits.
func (k key) sum() (string, error) {
	k.Version = keyVersion
	data, err := json.Marshal(k)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
