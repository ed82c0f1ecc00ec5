package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/testscript"
)

// registry start: Debian's docker-registry on a free loopback port, its address in $REGISTRY.
// registry push NAME:TAG LAYER…: put an image there, made of layers_test.go's.
// registry slow LAYER…: one that stops half-way, see slow_test.go.
func cmdRegistry(ts *testscript.TestScript, neg bool, args []string) {
	switch {
	case !neg && len(args) == 1 && args[0] == "start":
		ts.Check(startRegistry(ts))
	case !neg && len(args) > 2 && args[0] == "push":
		p, err := newPicture(ts.Getenv("ARCHIVE"), args[2:])
		ts.Check(err)
		ts.Check(push(ts.Getenv("REGISTRY"), args[1], p))
	case !neg && len(args) > 1 && args[0] == "slow":
		ts.Check(slowRegistry(ts, args[1:]))
	default:
		ts.Fatalf("usage: registry start | registry push NAME:TAG LAYER… | registry slow LAYER…")
	}
}

func startRegistry(ts *testscript.TestScript) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	dir := ts.MkAbs("registry")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	config := fmt.Sprintf("version: 0.1\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\nhttp: {addr: %s}\n",
		filepath.Join(dir, "data"), address)
	path := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("docker-registry", "serve", path)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	// Before the check for what is left.
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	ts.Setenv("REGISTRY", address)
	for range 200 {
		if response, err := http.Get("http://" + address + "/v2/"); err == nil {
			response.Body.Close()
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("docker-registry does not answer on %s; see %s", address, log.Name())
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// push speaks the distribution protocol: each blob in one upload, then the manifest.
func push(registry, name string, p *picture) error {
	repository, tag, _ := strings.Cut(name, ":")
	base := "http://" + registry + "/v2/" + repository
	manifest, blobs := p.blobs(true)
	for _, data := range blobs {
		location, err := upload(base + "/blobs/uploads/")
		if err != nil {
			return err
		}
		query := location.Query()
		query.Set("digest", digest.FromBytes(data).String())
		location.RawQuery = query.Encode()
		if err := putHTTP(location.String(), "application/octet-stream", data); err != nil {
			return err
		}
	}
	return putHTTP(base+"/manifests/"+tag, v1.MediaTypeImageManifest, manifest)
}

func upload(to string) (*url.URL, error) {
	response, err := http.Post(to, "", nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		return nil, fmt.Errorf("POST %s: %s", to, response.Status)
	}
	return response.Location()
}

func putHTTP(to, contentType string, data []byte) error {
	request, err := http.NewRequest(http.MethodPut, to, bytes.NewReader(data))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		text, _ := io.ReadAll(response.Body)
		return fmt.Errorf("PUT %s: %s: %s", to, response.Status, text)
	}
	return nil
}
