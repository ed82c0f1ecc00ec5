package worker

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

func TestFetch(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/there/web.container", http.StatusFound)
		case "/there/web.container":
			_, _ = w.Write([]byte("text"))
		case "/named":
			w.Header().Set("Content-Disposition", `attachment; filename="../../data.volume"`)
		case "/large":
			_, _ = w.Write(make([]byte, 101))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	for path, want := range map[string]string{
		"/there/web.container?raw=1": "web.container", "/moved": "web.container", "/named": "data.volume", "/": "", "/missing": "", "/large": "",
	} {
		file := filepath.Join(t.TempDir(), "f")
		name, err := fetch(t.Context(), nil, image.FetchOptions{URL: server.URL + path, Path: file, Max: 100})
		if name != want || (want == "") != errors.Is(err, errs.ErrInvalid) || (want != "") != (err == nil) {
			t.Errorf("%s: %q, %v", path, name, err)
		}
		if data, err := os.ReadFile(file); want == "web.container" && (err != nil || string(data) != "text") {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	server.Close()
	if _, err := fetch(t.Context(), nil, image.FetchOptions{URL: server.URL, Path: filepath.Join(t.TempDir(), "f"), Max: 1}); err == nil || !strings.HasPrefix(err.Error(), "fetch: ") {
		t.Errorf("without a server: %v", err)
	}
	if _, err := fetch(t.Context(), nil, image.FetchOptions{URL: "http://[", Path: "f"}); err == nil {
		t.Error("a URL that is none")
	}
}
