package registry

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
)

// uploads is a registry that answers the uploads of a blob with the given codes, the last one for good.
func uploads(t *testing.T, codes ...int) (d *Destination, done func() int) {
	t.Helper()
	var patches atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodHead:
			w.WriteHeader(http.StatusNotFound)
		case http.MethodPost:
			w.Header().Set("Location", "/v2/team/app/blobs/uploads/1")
			w.WriteHeader(http.StatusAccepted)
		case http.MethodPatch:
			_, _ = io.Copy(io.Discard, r.Body)
			code := codes[min(int(patches.Add(1)), len(codes))-1]
			w.Header().Set("Location", "/v2/team/app/blobs/uploads/1")
			w.WriteHeader(code)
		case http.MethodPut:
			w.WriteHeader(http.StatusCreated)
		}
	}))
	t.Cleanup(server.Close)
	insecure := false
	c, err := New(Options{TLSVerify: &insecure, Retry: Retry{Times: 2, Delay: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	d, err = c.Destination(t.Context(), strings.TrimPrefix(server.URL, "http://")+"/team/app:1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, func() int { return int(patches.Load()) }
}

func send(t *testing.T, d *Destination, text string) (got v1.Descriptor, err error) {
	t.Helper()
	err = d.Retry(t.Context(), func() (err error) {
		got, err = d.Put(t.Context(), strings.NewReader(text), v1.Descriptor{MediaType: "x", Size: -1})
		return err
	})
	return got, err
}

// TestUpload: trouble that may pass is gone through, a decision is told with the way out.
func TestUpload(t *testing.T) {
	d, patches := uploads(t, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusAccepted)
	got, err := send(t, d, "blob")
	if err != nil || got.Digest != digest.FromString("blob") || got.Size != 4 || patches() != 3 {
		t.Errorf("%+v after %d uploads: %v", got, patches(), err)
	}
	for code, hint := range map[int]string{
		http.StatusForbidden: "rc login", http.StatusRequestEntityTooLarge: "proxy", http.StatusMethodNotAllowed: "mirror",
	} {
		d, patches := uploads(t, code)
		_, err := send(t, d, "blob")
		if err == nil || patches() != 1 || !strings.Contains(errs.Hint(err), hint) {
			t.Errorf("%d: %d uploads, %v, hint %q", code, patches(), err, errs.Hint(err))
		}
	}
}

// TestUploadOfBroken: the reader's own error comes back, and is not repeated.
func TestUploadOfBroken(t *testing.T) {
	d, patches := uploads(t, http.StatusAccepted)
	broken := errors.New("broken")
	_, err := d.Put(t.Context(), io.MultiReader(strings.NewReader("x"), &failing{r: brokenReader{broken}}), v1.Descriptor{Size: -1})
	if !errors.Is(err, broken) || patches() > 1 {
		t.Errorf("%v after %d uploads", err, patches())
	}
}

type brokenReader struct{ err error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.err }
