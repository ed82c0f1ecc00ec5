package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// registry is Debian's docker-registry on a loopback port, started for a table.
type registry struct {
	address, dir string
	stop         func()
}

// startRegistry gives a registry whose files are below dir.
func startRegistry(ctx context.Context, dir string) (*registry, error) {
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		return nil, errors.New("docker-registry is not installed")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	if err := errors.Join(listener.Close(), os.MkdirAll(dir, 0o755)); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "config.yml")
	config := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n", dir, address)
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "serve", path)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &registry{address: address, dir: dir, stop: func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}}
	for range 200 {
		if a, err := http.Get("http://" + address + "/v2/"); err == nil {
			return r, a.Body.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.stop()
	return nil, fmt.Errorf("docker-registry does not answer on %s", address)
}

// put uploads an image made of compressed layers.
func (r *registry) put(ctx context.Context, repository, tag string, layers [][]byte, diffIDs []digest.Digest) error {
	config, err := json.Marshal(v1.Image{
		Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH}, RootFS: v1.RootFS{Type: "layers", DiffIDs: diffIDs},
	})
	if err != nil {
		return err
	}
	m := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest, Config: described(v1.MediaTypeImageConfig, config)}
	for _, l := range append([][]byte{config}, layers...) {
		if err := r.upload(ctx, repository, l); err != nil {
			return err
		}
	}
	for _, l := range layers {
		m.Layers = append(m.Layers, described(v1.MediaTypeImageLayerGzip, l))
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = r.do(ctx, http.MethodPut, "http://"+r.address+"/v2/"+repository+"/manifests/"+tag, v1.MediaTypeImageManifest, manifest, http.StatusCreated)
	return err
}

func described(mediaType string, data []byte) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
}

func (r *registry) upload(ctx context.Context, repository string, data []byte) error {
	a, err := r.do(ctx, http.MethodPost, "http://"+r.address+"/v2/"+repository+"/blobs/uploads/", "", nil, http.StatusAccepted)
	if err != nil {
		return err
	}
	location, err := a.Location()
	if err != nil {
		return err
	}
	query := location.Query()
	query.Set("digest", digest.FromBytes(data).String())
	location.RawQuery = query.Encode()
	_, err = r.do(ctx, http.MethodPut, location.String(), "application/octet-stream", data, http.StatusCreated)
	return err
}

func (r *registry) do(ctx context.Context, method, address, mediaType string, body []byte, want int) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	q.Header.Set("Content-Type", mediaType)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	if a.StatusCode != want {
		text, _ := io.ReadAll(a.Body)
		return nil, fmt.Errorf("%s %s: %s: %s", method, address, a.Status, text)
	}
	return a, nil
}

// makeLayer packs size bytes of files like those of a distribution: many small ones, a few of
// megabytes, which gzip makes about a third of. The same seed gives the same bytes.
func makeLayer(seed uint64, size int) (compressed []byte, diffID digest.Digest, err error) {
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // the same every time
	words := make([][]byte, 1<<14)
	for i := range words {
		words[i] = make([]byte, 2+random.IntN(14))
		for j := range words[i] {
			words[i][j] = byte('a' + random.IntN(64))
		}
	}
	pick := rand.NewZipf(random, 1.05, 8, uint64(len(words)-1))
	var plain, out bytes.Buffer
	w := tar.NewWriter(&plain)
	for n := 0; plain.Len() < size; n++ {
		length := 500 + random.IntN(20_000)
		if n%200 == 199 {
			length = 3 << 20
		}
		var content bytes.Buffer
		for content.Len() < length {
			content.Write(words[pick.Uint64()])
		}
		h := &tar.Header{
			Name: fmt.Sprintf("usr/share/layer%d/dir%d/file%d", seed, n/50, n), Typeflag: tar.TypeReg, Mode: 0o644,
			Size: int64(content.Len()), ModTime: time.Unix(1_700_000_000, 0),
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, "", err
		}
		if _, err := w.Write(content.Bytes()); err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	z := gzip.NewWriter(&out)
	if _, err := z.Write(plain.Bytes()); err != nil {
		return nil, "", err
	}
	if err := z.Close(); err != nil {
		return nil, "", err
	}
	return out.Bytes(), digest.FromBytes(plain.Bytes()), nil
}
