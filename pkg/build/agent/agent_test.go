package agent

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	closed, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("pass"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"plain": pem.EncodeToMemory(plain), "closed": pem.EncodeToMemory(closed), "text": []byte("text")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := load([]string{filepath.Join(dir, "plain")})
	if err != nil {
		t.Fatal(err)
	}
	list, err := keys.List()
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	signature, err := keys.Sign(list[0], []byte("data"))
	if err != nil || !ed25519.Verify(public, []byte("data"), signature.Blob) {
		t.Error(err)
	}
	for name, want := range map[string]string{"closed": "ssh-add", "text": "no private key", "absent": "no such file"} {
		_, err := load([]string{filepath.Join(dir, "plain"), filepath.Join(dir, name)})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
