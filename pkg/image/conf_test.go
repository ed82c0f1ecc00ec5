package image_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

// registriesConf is registries.conf of a test.
func registriesConf(t *testing.T, format string, args ...any) {
	t.Helper()
	t.Setenv("CONTAINERS_REGISTRIES_CONF", write(t, fmt.Appendf(nil, format, args...)))
}

func (r *registry) host() string { return strings.TrimPrefix(r.URL, "http://") }

// asked counts requests whose path has a part.
func (r *registry) asked(part string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for path, times := range r.count {
		if strings.Contains(path, part) {
			n += times
		}
	}
	return n
}

// TestMirrors: of registries.conf, with what they may be asked for.
func TestMirrors(t *testing.T) {
	b := twoLayers(t)
	for _, c := range []struct {
		name, conf      string // of the mirror
		byDigest        bool
		mirror, primary bool // who is asked for the manifest
	}{
		{"mirror first", "", false, true, false},
		{"digest-only, by tag", `pull-from-mirror = "digest-only"`, false, false, true},
		{"digest-only, by digest", `pull-from-mirror = "digest-only"`, true, true, false},
		{"tag-only, by digest", `pull-from-mirror = "tag-only"`, true, false, true},
		{"tag-only, by tag", `pull-from-mirror = "tag-only"`, false, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := setup(t)
			primary, mirror := newRegistry(t), newRegistry(t)
			d := primary.put(t, "1", nil, b)
			mirror.put(t, "1", nil, b)
			registriesConf(t, "[[registry]]\nlocation = %q\ninsecure = true\n[[registry.mirror]]\nlocation = %q\ninsecure = true\n%s\n",
				primary.host(), mirror.host()+"/copy", c.conf)
			o := options(t, primary.name("app:1"))
			if c.byDigest {
				o.Image = primary.name("app@" + d.String())
			}
			o.Registry.TLSVerify = nil
			img, err := image.Pull(context.Background(), cfg, o)
			must(t, err)
			check(t, img)
			if got := mirror.asked("/copy/app/manifests/") > 0; got != c.mirror {
				t.Errorf("mirror asked: %t", got)
			}
			if got := primary.asked("/app/manifests/") > 0; got != c.primary {
				t.Errorf("primary asked: %t", got)
			}
		})
	}
	// One that does not answer, or does not have the image, is passed over.
	cfg := setup(t)
	primary, without := newRegistry(t), newRegistry(t)
	primary.put(t, "1", nil, b)
	registriesConf(t, "[[registry]]\nlocation = %q\ninsecure = true\n[[registry.mirror]]\nlocation = \"127.0.0.1:1\"\ninsecure = true\n[[registry.mirror]]\nlocation = %q\ninsecure = true\n",
		primary.host(), without.host())
	o := options(t, primary.name("app:1"))
	o.Registry.TLSVerify = nil
	_, err := image.Pull(context.Background(), cfg, o)
	must(t, err)
}

func TestBlocked(t *testing.T) {
	cfg := setup(t)
	r := newRegistry(t)
	r.put(t, "1", nil, twoLayers(t))
	registriesConf(t, "[[registry]]\nprefix = %q\nlocation = %q\nblocked = true\n", r.host()+"/secret", r.host()+"/secret")
	_, err := image.Pull(context.Background(), cfg, options(t, r.name("secret/app:1")))
	if err == nil || !strings.Contains(err.Error(), "blocked") || !strings.Contains(errs.Hint(err), "registries.conf") {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
	if r.asked("/") > 0 {
		t.Error("it was asked")
	}
	_, err = image.Pull(context.Background(), cfg, options(t, r.name("open/app:1")))
	must(t, err)
}

// TestShortNameModes: without a terminal there is nobody to ask.
func TestShortNameModes(t *testing.T) {
	first, second := newRegistry(t), newRegistry(t)
	second.put(t, "latest", nil, twoLayers(t))
	for mode, good := range map[string]bool{"enforcing": false, "permissive": true, "disabled": true} {
		cfg := setup(t)
		registriesConf(t, "short-name-mode = %q\nunqualified-search-registries = [%q, %q]\n", mode, first.host(), second.host())
		img, err := image.Pull(context.Background(), cfg, options(t, "thing"))
		switch {
		case good && err != nil:
			t.Errorf("%s: %v", mode, err)
		case good && !strings.HasPrefix(img.Names[0], second.host()):
			t.Errorf("%s: %v", mode, img.Names)
		case !good && (err == nil || !strings.Contains(errs.Hint(err), first.host()+"/thing")):
			t.Errorf("%s: %v, hint %q", mode, err, errs.Hint(err))
		}
	}
}

// TestProxy: of the environment, and what goes past it.
func TestProxy(t *testing.T) {
	r := newRegistry(t)
	r.put(t, "1", nil, twoLayers(t))
	through := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Host != "registry.test" {
			http.Error(w, "not for us", http.StatusBadGateway)
			return
		}
		through++
		r.ServeHTTP(w, q)
	}))
	t.Cleanup(proxy.Close)
	cfg := setup(t)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	o := options(t, "registry.test/app:1")
	img, err := image.Pull(context.Background(), cfg, o)
	must(t, err)
	check(t, img)
	if through == 0 {
		t.Error("the proxy was not asked")
	}
	t.Setenv("NO_PROXY", "registry.test")
	o.Registry.Retry = 0
	if _, err := image.Pull(context.Background(), cfg, o); err == nil || !strings.Contains(err.Error(), "registry.test") {
		t.Errorf("NO_PROXY: %v", err)
	}
}

// policy is a policy.json that has one requirement for everything.
func policy(t *testing.T, format string, args ...any) string {
	t.Helper()
	return write(t, fmt.Appendf(nil, `{"default":[`+format+`]}`, args...))
}

// registriesD says where signatures are.
func registriesD(t *testing.T, text string) {
	t.Helper()
	dir := os.Getenv("HOME") + "/.config/containers/registries.d"
	must(t, os.MkdirAll(dir, 0o700))
	must(t, os.WriteFile(dir+"/test.yaml", []byte(text), 0o600))
}

// TestSignedBy: an OpenPGP signature in a lookaside store.
func TestSignedBy(t *testing.T) {
	ctx := context.Background()
	cfg := setup(t)
	r := newRegistry(t)
	d := r.put(t, "1", nil, twoLayers(t))
	signer, err := openpgp.NewEntity("test", "", "test@example.com", nil)
	must(t, err)
	var key bytes.Buffer
	w, err := armor.Encode(&key, openpgp.PublicKeyType, nil)
	must(t, err)
	must(t, signer.Serialize(w))
	must(t, w.Close())
	store := t.TempDir()
	registriesD(t, "default-docker:\n  lookaside: file://"+store+"\n")
	o := options(t, r.name("app:1"))
	o.Registry.SignaturePolicy = policy(t, `{"type":"signedBy","keyType":"GPGKeys","keyPath":%q}`, write(t, key.Bytes()))
	if _, err := image.Pull(ctx, cfg, o); err == nil || !strings.Contains(err.Error(), "no signature exists") || !strings.Contains(errs.Hint(err), "containers-policy.json(5)") {
		t.Errorf("unsigned: %v, hint %q", err, errs.Hint(err))
	}
	nothing(t, cfg)
	dir := filepath.Join(store, "app@sha256="+d.Encoded())
	must(t, os.MkdirAll(dir, 0o755))
	f, err := os.Create(dir + "/signature-1")
	must(t, err)
	signed, err := openpgp.Sign(f, signer, nil, nil)
	must(t, err)
	_, err = signed.Write(payload(r.name("app:1"), d, "atomic container signature"))
	must(t, err)
	must(t, signed.Close())
	must(t, f.Close())
	_, err = image.Pull(ctx, cfg, o)
	must(t, err)
	// Of another image.
	other := build(t, linux("amd64", ""), v1.ImageConfig{}, tarOf(t, files{{"x", "1"}}))
	r.put(t, "1", nil, other)
	must(t, os.Rename(dir, filepath.Join(store, "app@sha256="+other.digest().Encoded())))
	if _, err := image.Pull(ctx, cfg, o); err == nil || !strings.Contains(err.Error(), "policy.json") {
		t.Errorf("signature of another image: %v", err)
	}
}

// payload is what is signed (containers-signature(5)).
func payload(name string, d digest.Digest, kind string) []byte {
	return fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":%q},"optional":{}}`, name, d, kind)
}

// TestSigstoreSigned: a signature beside the image in the registry, as cosign makes them.
func TestSigstoreSigned(t *testing.T) {
	ctx := context.Background()
	cfg := setup(t)
	r := newRegistry(t)
	d := r.put(t, "1", nil, twoLayers(t))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	must(t, err)
	public := write(t, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	registriesD(t, "default-docker:\n  use-sigstore-attachments: true\n  lookaside: file://"+t.TempDir()+"\n")
	o := options(t, r.name("app:1"))
	o.Registry.SignaturePolicy = policy(t, `{"type":"sigstoreSigned","keyPath":%q,"signedIdentity":{"type":"matchRepository"}}`, public)
	if _, err := image.Pull(ctx, cfg, o); err == nil || !strings.Contains(err.Error(), "no signature exists") {
		t.Errorf("unsigned: %v", err)
	}
	data := payload(r.name("app"), d, "cosign container image signature")
	sum := sha256.Sum256(data)
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	must(t, err)
	r.attach(t, d, data, base64.StdEncoding.EncodeToString(sig))
	_, err = image.Pull(ctx, cfg, o)
	must(t, err)
	r.attach(t, d, data, base64.StdEncoding.EncodeToString(sig[:len(sig)-1]))
	if _, err := image.Pull(ctx, cfg, o); err == nil || !strings.Contains(err.Error(), "policy.json") {
		t.Errorf("bad signature: %v", err)
	}
}

// attach puts a signature where cosign does.
func (r *registry) attach(t *testing.T, d digest.Digest, data []byte, signature string) {
	t.Helper()
	config := []byte(`{}`)
	m := v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest,
		Config: v1.Descriptor{MediaType: v1.MediaTypeImageConfig, Digest: digest.FromBytes(config), Size: int64(len(config))},
		Layers: []v1.Descriptor{{
			MediaType: "application/vnd.dev.cosign.simplesigning.v1+json", Digest: digest.FromBytes(data), Size: int64(len(data)),
			Annotations: map[string]string{"dev.cosignproject.cosign/signature": signature},
		}},
	}
	manifest, err := json.Marshal(m)
	must(t, err)
	id := digest.FromBytes(manifest)
	r.blobs[digest.FromBytes(config)], r.blobs[digest.FromBytes(data)], r.blobs[id] = config, data, manifest
	r.types[id], r.tags["sha256-"+d.Encoded()+".sig"] = v1.MediaTypeImageManifest, id
}

// TestHomePolicy: the user's own policy.json counts, without a flag.
func TestHomePolicy(t *testing.T) {
	cfg := setup(t)
	r := newRegistry(t)
	r.put(t, "1", nil, twoLayers(t))
	dir := os.Getenv("HOME") + "/.config/containers"
	must(t, os.MkdirAll(dir, 0o700))
	must(t, os.WriteFile(dir+"/policy.json", fmt.Appendf(nil, `{"default":[{"type":"insecureAcceptAnything"}],"transports":{"docker":{%q:[{"type":"reject"}]}}}`, r.host()+"/bad"), 0o600))
	_, err := image.Pull(context.Background(), cfg, options(t, r.name("good:1")))
	must(t, err)
	if _, err := image.Pull(context.Background(), cfg, options(t, r.name("bad:1"))); err == nil || !strings.Contains(err.Error(), "policy.json") {
		t.Errorf("%v", err)
	}
}

// TestPullsAndPrune: pulls, and somebody who cleans up all the time, at once.
func TestPullsAndPrune(t *testing.T) {
	r := newRegistry(t)
	base := tarOf(t, files{{"base", strings.Repeat("y", 300000)}})
	const n = 4
	for i := range n {
		r.put(t, fmt.Sprint(i), nil, build(t, linux("amd64", ""), v1.ImageConfig{}, base, tarOf(t, files{{"n", fmt.Sprint(i)}})))
	}
	cfg := setup(t)
	done := make(chan error, n)
	for i := range n {
		go func() {
			o := options(t, r.name(fmt.Sprintf("app:%d", i)))
			o.Platform.Arch = "amd64"
			_, err := image.Pull(context.Background(), cfg, o)
			done <- err
		}()
	}
	for finished := 0; finished < n; {
		select {
		case err := <-done:
			must(t, err)
			finished++
		default:
			_, err := image.Remove(context.Background(), cfg, image.RemoveOptions{Remains: true, Ignore: true})
			must(t, err)
		}
	}
	for i := range n {
		img := resolve(t, cfg, r.name(fmt.Sprintf("app:%d", i)))
		if data, err := os.ReadFile(img.Lower[0] + "/n"); err != nil || string(data) != fmt.Sprint(i) {
			t.Errorf("image %d: %q, %v", i, data, err)
		}
		if info, err := os.Stat(img.Lower[1] + "/base"); err != nil || info.Size() != 300000 {
			t.Errorf("image %d: %v", i, err)
		}
	}
	empty(t, cfg)
}
