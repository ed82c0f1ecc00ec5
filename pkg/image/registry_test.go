package image_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
)

func TestPull(t *testing.T) {
	ctx := context.Background()
	cfg := setup(t)
	r := newRegistry(t)
	b := twoLayers(t)
	d := r.put(t, "1", nil, b)
	img, err := image.Pull(ctx, cfg, options(t, r.name("app:1")))
	must(t, err)
	check(t, img)
	if img.ID != b.id() || img.Digest != index.Digest(d) || img.Size != int64(len(b.diffs[0])+len(b.diffs[1])) {
		t.Errorf("%+v", img.Entry)
	}
	if n := r.fetched(); n != 3 {
		t.Errorf("%d blobs were fetched, want 3", n)
	}
	for _, value := range []string{r.name("app:1"), "app:1", b.id()[:6], "sha256:" + b.id(), r.name("app@" + d.String()), "app@" + d.String()} {
		if got := resolve(t, cfg, value); got.ID != b.id() {
			t.Errorf("%s is %s", value, got.ID)
		}
	}
	// Again: one look at the manifest, and nothing is fetched; a damaged index costs no more than that.
	for _, damage := range []func() error{
		func() error { return nil },
		func() error { return os.Remove(cfg.IndexPath()) },
		func() error { return os.Remove(cfg.DataRoot + "/images/" + b.id() + ".json") },
	} {
		must(t, damage())
		asked, layer := r.asked("/manifests/"), r.asked(b.layers[0].Digest.String())
		again, err := image.Pull(ctx, cfg, options(t, r.name("app:1")))
		must(t, err)
		check(t, again)
		if n := r.asked("/manifests/") - asked; n != 1 || r.asked(b.layers[0].Digest.String()) != layer {
			t.Errorf("%d looks at the manifest", n)
		}
	}
	// What is here is not fetched, and an image with one more layer costs that layer.
	_, err = image.Pull(ctx, cfg, options(t, r.name("app:1")))
	must(t, err)
	more := build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{}, append(b.diffs, tarOf(t, files{{"new", "1"}}))...)
	r.put(t, "2", nil, more)
	before := r.fetched()
	_, err = image.Pull(ctx, cfg, options(t, r.name("app:2")))
	must(t, err)
	if n := r.fetched() - before; n != 2 { // configuration and layer
		t.Errorf("%d blobs were fetched, want 2", n)
	}
	// By digest, and all tags.
	_, err = image.Pull(ctx, cfg, options(t, r.name("app@"+d.String())))
	must(t, err)
	o := options(t, r.name("app"))
	o.AllTags = true
	all, err := image.PullAll(ctx, cfg, o)
	must(t, err)
	if len(all) != 2 {
		t.Errorf("all tags: %d images", len(all))
	}
	empty(t, cfg)
}

func TestPullPolicy(t *testing.T) {
	ctx := context.Background()
	cfg := setup(t)
	r := newRegistry(t)
	first := twoLayers(t)
	r.put(t, "1", nil, first)
	o := options(t, r.name("app:1"))
	o.Policy = image.Never
	if _, err := image.Pull(ctx, cfg, o); !errors.Is(err, errs.ErrNotFound) || errs.Hint(err) != "rc pull "+o.Image {
		t.Errorf("never: %v, %q", err, errs.Hint(err))
	}
	pull := func(policy, want string) {
		t.Helper()
		o.Policy = policy
		img, err := image.Pull(ctx, cfg, o)
		must(t, err)
		if img.ID != want {
			t.Errorf("%s: %s", policy, img.ID)
		}
	}
	pull(image.Missing, first.id())
	second := build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{}, tarOf(t, files{{"x", "1"}}))
	r.put(t, "1", nil, second)
	pull(image.Missing, first.id())
	pull(image.Never, first.id())
	pull(image.Newer, second.id())
	before := r.fetched()
	pull(image.Newer, second.id())
	if n := r.fetched() - before; n != 0 {
		t.Errorf("newer fetched %d blobs of an image that is not newer", n)
	}
	r.put(t, "1", nil, first)
	pull(image.Always, first.id())
	r.Close()
	pull(image.Newer, first.id())
	o.Policy = image.Always
	if _, err := image.Pull(ctx, cfg, o); err == nil {
		t.Error("always succeeded without the registry")
	}
}

func TestPullPlatform(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t)
	platforms := []v1.Platform{linux("amd64", ""), linux("arm64", "v8"), linux("arm", "v6"), linux("arm", "v7"), {OS: "unknown", Architecture: "unknown"}}
	var images []*built
	for _, p := range platforms {
		images = append(images, build(t, p, v1.ImageConfig{}, tarOf(t, files{{"arch", p.Architecture + p.Variant}})))
	}
	list := r.put(t, "1", platforms, images...)
	r.put(t, "single", nil, images[0])
	native := 0
	if runtime.GOARCH == "arm64" {
		native = 1
	}
	for _, c := range []struct {
		platform spec.Platform
		tag      string
		want     int
	}{
		{spec.Platform{}, "1", native},
		{spec.Platform{OS: "linux", Arch: "arm64"}, "1", 1},
		{spec.Platform{Arch: "arm"}, "1", 3},
		{spec.Platform{Arch: "arm", Variant: "v6"}, "1", 2},
		{spec.Platform{Arch: "arm", Variant: "v7"}, "1", 3},
		{spec.Platform{OS: "linux", Arch: "amd64"}, "single", 0},
	} {
		cfg := setup(t)
		o := options(t, r.name("app:"+c.tag))
		o.Platform = c.platform
		img, err := image.Pull(ctx, cfg, o)
		if err != nil {
			t.Errorf("%v: %v", c.platform, err)
			continue
		}
		if img.ID != images[c.want].id() || c.tag == "1" && !cmp.Equal(img.Digests, []index.Digest{index.Digest(images[c.want].digest()), index.Digest(list)}) {
			t.Errorf("%v: %s %s, digests %v", c.platform, img.Arch, img.Variant, img.Digests)
		}
		if c.tag == "1" && resolve(t, cfg, r.name("app@"+list.String())).ID != img.ID {
			t.Error("not found by the list's digest")
		}
		other := spec.Platform{OS: "linux", Arch: "s390x"}
		if _, err := image.Resolve(ctx, cfg, r.name("app:"+c.tag), other); !errors.Is(err, errs.ErrNotFound) || !strings.Contains(err.Error(), "for linux/s390x") {
			t.Errorf("resolve for another platform: %v", err)
		}
	}
	for _, tag := range []string{"1", "single"} {
		cfg := setup(t)
		o := options(t, r.name("app:"+tag))
		o.Platform = spec.Platform{Arch: "riscv64"}
		_, err := image.Pull(ctx, cfg, o)
		want := "for linux/riscv64; available: linux/amd64"
		if tag == "1" {
			want += ", linux/arm/v6, linux/arm/v7, linux/arm64/v8"
		}
		if !errors.Is(err, errs.ErrNotFound) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", tag, err)
		}
		nothing(t, cfg)
	}
}

// TestMisbehaviour: whatever a registry does, the error says it, and nothing is left.
func TestMisbehaviour(t *testing.T) {
	b := twoLayers(t)
	layer := "/blobs/" + b.layers[1].Digest.String()
	status := func(path string, code int) func(http.ResponseWriter, *http.Request, int) bool {
		return func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if strings.Contains(r.URL.Path, path) {
				w.WriteHeader(code)
			}
			return strings.Contains(r.URL.Path, path)
		}
	}
	body := func(path string, data []byte) func(http.ResponseWriter, *http.Request, int) bool {
		return func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if strings.Contains(r.URL.Path, path) {
				_, _ = w.Write(data)
			}
			return strings.Contains(r.URL.Path, path)
		}
	}
	same := make([]byte, b.layers[1].Size)
	for _, c := range []struct {
		name  string
		odd   func(http.ResponseWriter, *http.Request, int) bool
		text  string
		hint  string
		tries int // of the path named by what
		what  string
	}{
		{"wrong bytes", body(layer, same), "its digest is", "", 1, layer},
		{"too short", func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if !strings.Contains(r.URL.Path, layer) {
				return false
			}
			_, _ = w.Write(b.blobs[b.layers[1].Digest][:40])
			return true
		}, "the registry has 40 bytes", "", 1, layer},
		{"broken off", func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if !strings.Contains(r.URL.Path, layer) {
				return false
			}
			w.Header().Set("Content-Length", fmt.Sprint(b.layers[1].Size))
			_, _ = w.Write(b.blobs[b.layers[1].Digest][:40])
			return true
		}, "unexpected EOF", "", 0, ""},
		{"blob missing", status(layer, 404), "404", "", 1, layer},
		{"401", status("/v2/", 401), "", "--creds", 0, ""},
		{"403", status("/manifests/", 403), "", "--creds", 1, "/manifests/1"},
		{"500", status("/manifests/", 500), "500", "", 6, "/manifests/1"},
		{"503", status(layer, 503), "503", "", 6, layer},
		{"html", body("/manifests/", []byte("<html>log in</html>")), "begins with", "proxy", 1, "/manifests/1"},
		{
			"manifest of something else", body("/manifests/", []byte(`{"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"`+b.layers[0].Digest.String()+`"},"layers":[]}`)),
			"application/vnd.cncf.helm", "", 1, "/manifests/1",
		},
		{"not found", status("/manifests/", 404), "not found", "", 1, "/manifests/1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := setup(t)
			r := newRegistry(t)
			r.put(t, "1", nil, b)
			r.odd = c.odd
			_, err := image.Pull(context.Background(), cfg, options(t, r.name("app:1")))
			if err == nil || !strings.Contains(err.Error(), c.text) || !strings.Contains(errs.Hint(err), c.hint) {
				t.Errorf("error %v, hint %q, want %q and %q", err, errs.Hint(err), c.text, c.hint)
			}
			if n := r.count["/v2/app"+c.what]; c.tries > 0 && n != c.tries {
				t.Errorf("%s was asked for %d times, want %d", c.what, n, c.tries)
			}
			ix, err := image.Read(context.Background(), cfg)
			must(t, err)
			if all, err := ix.All(); err != nil || len(all) > 0 {
				t.Errorf("images %v, %v", all, err)
			}
			empty(t, cfg)
			// The registry comes to its senses.
			r.odd = nil
			img, err := image.Pull(context.Background(), cfg, options(t, r.name("app:1")))
			must(t, err)
			check(t, img)
		})
	}
}

// TestPasses: trouble that passes does not show.
func TestPasses(t *testing.T) {
	b := twoLayers(t)
	for name, odd := range map[string]func(http.ResponseWriter, *http.Request, int) bool{
		"503 once for everything": func(w http.ResponseWriter, _ *http.Request, nth int) bool {
			if nth == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return nth == 1
		},
		"429 with Retry-After": func(w http.ResponseWriter, r *http.Request, nth int) bool {
			odd := nth == 1 && strings.Contains(r.URL.Path, "/blobs/")
			if odd {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
			}
			return odd
		},
		"broken off once": func(w http.ResponseWriter, r *http.Request, nth int) bool {
			odd := nth == 1 && strings.Contains(r.URL.Path, "/blobs/")
			if odd {
				data := b.blobs[digest.Digest(filepath.Base(r.URL.Path))]
				w.Header().Set("Content-Length", fmt.Sprint(len(data)))
				_, _ = w.Write(data[:len(data)/2])
			}
			return odd
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := setup(t)
			r := newRegistry(t)
			r.put(t, "1", nil, b)
			r.odd = odd
			img, err := image.Pull(context.Background(), cfg, options(t, r.name("app:1")))
			must(t, err)
			check(t, img)
		})
	}
}

func TestCredentials(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t)
	r.put(t, "1", nil, twoLayers(t))
	r.odd = func(w http.ResponseWriter, q *http.Request, _ int) bool {
		user, password, _ := q.BasicAuth()
		if user == "ann" && password == "s:cret" {
			return false
		}
		w.Header().Set("Www-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	u, err := url.Parse(r.URL)
	must(t, err)
	auth := []byte(`{"auths":{"` + u.Host + `":{"auth":"YW5uOnM6Y3JldA=="}}}`)
	for name, set := range map[string]func(cfg *config.Config, o *image.PullOptions){
		"--creds":             func(_ *config.Config, o *image.PullOptions) { o.Registry.Creds = "ann:s:cret" },
		"--authfile":          func(_ *config.Config, o *image.PullOptions) { o.Registry.AuthFile = write(t, auth) },
		"$REGISTRY_AUTH_FILE": func(*config.Config, *image.PullOptions) { t.Setenv("REGISTRY_AUTH_FILE", write(t, auth)) },
		"podman login": func(*config.Config, *image.PullOptions) {
			dir := os.Getenv("XDG_RUNTIME_DIR") + "/containers"
			must(t, os.MkdirAll(dir, 0o700))
			must(t, os.WriteFile(dir+"/auth.json", auth, 0o600))
		},
		"docker login": func(*config.Config, *image.PullOptions) {
			dir := os.Getenv("HOME") + "/.docker"
			must(t, os.MkdirAll(dir, 0o700))
			must(t, os.WriteFile(dir+"/config.json", auth, 0o600))
		},
	} {
		t.Setenv("REGISTRY_AUTH_FILE", "")
		cfg := setup(t)
		o := options(t, r.name("app:1"))
		if _, err := image.Pull(ctx, cfg, o); err == nil || !strings.Contains(errs.Hint(err), "--creds") {
			t.Errorf("without: %v", err)
		}
		set(cfg, &o)
		if _, err := image.Pull(ctx, cfg, o); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTLS: a certificate that nobody knows is refused, unless its CA is given.
func TestTLS(t *testing.T) {
	ctx := context.Background()
	cfg := setup(t)
	r := newRegistry(t)
	r.put(t, "1", nil, twoLayers(t))
	s := httptest.NewTLSServer(r)
	defer s.Close()
	name := strings.TrimPrefix(s.URL, "https://") + "/app:1"
	o := options(t, name)
	o.Registry.TLSVerify = nil
	if _, err := image.Pull(ctx, cfg, o); err == nil || !strings.Contains(errs.Hint(err), "certs.d") {
		t.Errorf("unknown certificate: %v, %q", err, errs.Hint(err))
	}
	certs := t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	must(t, os.WriteFile(certs+"/ca.crt", ca, 0o644))
	o.Registry.CertDir = certs
	if _, err := image.Pull(ctx, cfg, o); err != nil {
		t.Error(err)
	}
}

// TestShortNames: aliases and search registries of registries.conf, docker.io without.
func TestShortNames(t *testing.T) {
	ctx := context.Background()
	cfg := setup(t)
	r := newRegistry(t)
	b := twoLayers(t)
	r.put(t, "latest", nil, b)
	host := strings.TrimPrefix(r.URL, "http://")
	other := newRegistry(t)
	conf := fmt.Sprintf("unqualified-search-registries = [%q, %q]\n[aliases]\n\"nick\" = %q\n", strings.TrimPrefix(other.URL, "http://"), host, host+"/some/thing")
	t.Setenv("CONTAINERS_REGISTRIES_CONF", write(t, []byte(conf)))
	for given, full := range map[string]string{"nick": host + "/some/thing:latest", "found": host + "/found:latest"} {
		img, err := image.Pull(ctx, cfg, options(t, given))
		if err != nil {
			t.Fatalf("%s: %v", given, err)
		}
		if !strings.Contains(strings.Join(img.Names, " "), full) {
			t.Errorf("%s: %v, want %s", given, img.Names, full)
		}
		if given == "found" && resolve(t, cfg, given).ID != b.id() {
			t.Error("not found by the short name")
		}
	}
	// A mirror of docker.io stands in for it.
	t.Setenv("CONTAINERS_REGISTRIES_CONF", write(t, fmt.Appendf(nil, "[[registry]]\nlocation = \"docker.io\"\n[[registry.mirror]]\nlocation = %q\ninsecure = true\n", host)))
	o := options(t, "busybox")
	o.Registry.TLSVerify = nil
	img, err := image.Pull(ctx, cfg, o)
	must(t, err)
	if !strings.Contains(strings.Join(img.Names, " "), "docker.io/library/busybox:latest") {
		t.Errorf("%v", img.Names)
	}
}

func TestPolicyFile(t *testing.T) {
	cfg := setup(t)
	r := newRegistry(t)
	r.put(t, "1", nil, twoLayers(t))
	o := options(t, r.name("app:1"))
	o.Registry.SignaturePolicy = write(t, []byte(`{"default":[{"type":"reject"}]}`))
	if _, err := image.Pull(context.Background(), cfg, o); err == nil || !strings.Contains(err.Error(), "policy") {
		t.Errorf("%v", err)
	}
	nothing(t, cfg)
	o.Registry.SignaturePolicy = write(t, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`))
	_, err := image.Pull(context.Background(), cfg, o)
	must(t, err)
}
