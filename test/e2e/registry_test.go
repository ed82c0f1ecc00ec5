package e2e

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/bcrypt"
)

// registry start [tls|expired] [client] [auth=USER:PASSWORD]: Debian's docker-registry on a free loopback
// port, its address in $REGISTRY. With tls, $CERTS has ca.crt; with client, client.cert and client.key too, and
// nobody comes in without.
// registry push NAME:TAG LAYER…: put an image there, made of layers_test.go's.
// registry slow LAYER…: one that stops half-way, see slow_test.go.
func cmdRegistry(ts *testscript.TestScript, neg bool, args []string) {
	switch {
	case !neg && len(args) > 0 && args[0] == "start":
		ts.Check(startRegistry(ts, args[1:]))
	case !neg && len(args) > 2 && args[0] == "push":
		p, err := newPicture(ts.Getenv("ARCHIVE"), args[2:])
		ts.Check(err)
		r, _ := ts.Value(keyRegistry{}).(map[string]*registry)[ts.Getenv("REGISTRY")]
		ts.Check(r.push(args[1], p))
	case !neg && len(args) > 1 && args[0] == "slow":
		ts.Check(slowRegistry(ts, args[1:]))
	default:
		ts.Fatalf("usage: registry start [tls|expired] [client] [auth=USER:PASSWORD] | registry push NAME:TAG LAYER… | registry slow LAYER…")
	}
}

// keyRegistry is where a script's registries are kept, by address.
type keyRegistry struct{}

// registry is a docker-registry and how to talk to it.
type registry struct {
	address        string
	scheme         string
	user, password string
	client         *http.Client
}

func startRegistry(ts *testscript.TestScript, options []string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	r := &registry{address: fmt.Sprintf("127.0.0.1:%d", port), scheme: "http", client: &http.Client{}}
	dir := ts.MkAbs(fmt.Sprintf("registry-%d", port))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	config := fmt.Sprintf("version: 0.1\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\nhttp:\n  addr: %s\n",
		filepath.Join(dir, "data"), r.address)
	if name := certificateName(options); name != "" {
		if err := makeCertificates(dir); err != nil {
			return err
		}
		ts.Setenv("CERTS", dir)
		config += fmt.Sprintf("  tls:\n    certificate: %[1]s/%[2]s.cert\n    key: %[1]s/%[2]s.key\n", dir, name)
		if slices.Contains(options, "client") {
			config += fmt.Sprintf("    clientcas: [%s/ca.crt]\n", dir)
		}
		pair, err := tls.LoadX509KeyPair(dir+"/client.cert", dir+"/client.key")
		if err != nil {
			return err
		}
		r.scheme = "https"
		r.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}}}
	}
	for _, o := range options {
		login, found := strings.CutPrefix(o, "auth=")
		if !found {
			continue
		}
		r.user, r.password, _ = strings.Cut(login, ":")
		hash, err := bcrypt.GenerateFromPassword([]byte(r.password), bcrypt.MinCost)
		if err != nil {
			return err
		}
		if err := os.WriteFile(dir+"/htpasswd", fmt.Appendf(nil, "%s:%s\n", r.user, hash), 0o600); err != nil {
			return err
		}
		config += fmt.Sprintf("auth: {htpasswd: {realm: test, path: %s/htpasswd}}\n", dir)
	}
	path := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		return err
	}
	all, _ := ts.Value(keyRegistry{}).(map[string]*registry)
	all[r.address] = r
	ts.Setenv("REGISTRY", r.address)
	return r.serve(ts, path, filepath.Join(dir, "log"))
}

// certificateName is that of the certificate that the registry shows, "" without TLS.
func certificateName(options []string) string {
	switch {
	case slices.Contains(options, "tls"):
		return "server"
	case slices.Contains(options, "expired"):
		return "expired"
	}
	return ""
}

// serve starts the registry and waits until it answers.
func (r *registry) serve(ts *testscript.TestScript, config, logPath string) error {
	log, err := os.Create(logPath)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("docker-registry", "serve", config)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	// Before the check for what is left.
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 200 {
		if response, err := r.client.Get(r.scheme + "://" + r.address + "/v2/"); err == nil {
			response.Body.Close()
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("docker-registry does not answer on %s; see %s", r.address, logPath)
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
func (r *registry) push(name string, p *picture) error {
	repository, tag, _ := strings.Cut(name, ":")
	base := r.scheme + "://" + r.address + "/v2/" + repository
	manifest, blobs := p.blobs(true)
	for _, data := range blobs {
		response, err := r.do(http.MethodPost, base+"/blobs/uploads/", "", nil, http.StatusAccepted)
		if err != nil {
			return err
		}
		location, err := response.Location()
		if err != nil {
			return err
		}
		query := location.Query()
		query.Set("digest", digest.FromBytes(data).String())
		location.RawQuery = query.Encode()
		if _, err := r.do(http.MethodPut, location.String(), "application/octet-stream", data, http.StatusCreated); err != nil {
			return err
		}
	}
	_, err := r.do(http.MethodPut, base+"/manifests/"+tag, v1.MediaTypeImageManifest, manifest, http.StatusCreated)
	return err
}

// do makes a request, the body of whose answer is of no interest.
func (r *registry) do(method, to, contentType string, data []byte, want int) (*http.Response, error) {
	request, err := http.NewRequest(method, to, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	if r.user != "" {
		request.SetBasicAuth(r.user, r.password)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != want {
		text, _ := io.ReadAll(response.Body)
		return nil, fmt.Errorf("%s %s: %s: %s", method, to, response.Status, text)
	}
	return response, nil
}
