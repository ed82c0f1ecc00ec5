package build

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// server is the program of tutorials.
const server = `package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Println("hello from", os.Args[1])
		return
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		data, err := os.ReadFile("page.txt")
		if err != nil {
			data = []byte("no page")
		}
		fmt.Fprintf(w, "%s", data)
	})
	if err := http.ListenAndServe(":8080", nil); err != nil {
		panic(err)
	}
}
`

// TestReal makes what people make, without a network but for apt's.
func TestReal(t *testing.T) {
	debian := os.Getenv("RC_BUILD_DEBIAN")
	if debian == "" {
		missing(t, "no Debian root filesystem: test/build/run.sh makes one where mmdebstrap and a mirror are")
	}
	goroot := os.Getenv("RC_BUILD_GOROOT")
	if goroot == "" {
		missing(t, "no RC_BUILD_GOROOT: test/build/run.sh says where Go is")
	}
	h := home(t)
	must(t, h.rc, h.dir, "import", "-q", debian, "localhost/debian")

	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(h.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("src/go.mod", "module example.com/web\n\ngo 1.24\n")
	put("src/main.go", server)
	put("src/.dockerignore", "Dockerfile*\n")
	put("src/Dockerfile", `# syntax=docker/dockerfile:1
FROM --platform=$BUILDPLATFORM localhost/debian AS build
ENV CGO_ENABLED=0 GOTOOLCHAIN=local PATH=/usr/local/go/bin:$PATH
WORKDIR /src
COPY go.mod ./
COPY . .
ARG TARGETOS TARGETARCH
RUN --network=none --mount=from=go,target=/usr/local/go --mount=type=cache,target=/root/.cache/go-build <<EOF
set -e
GOOS=$TARGETOS GOARCH=$TARGETARCH go build -x -o /out/web . 2>/tmp/log
grep -c '/compile ' /tmp/log > /out/compiled
EOF
FROM scratch AS files
COPY --from=build /out /
FROM scratch
COPY --from=build /out/web /web
ENTRYPOINT ["/web"]
`)
	build := func(args ...string) {
		t.Helper()
		all := append([]string{"build", "-q", "--build-context", "go=" + goroot}, args...)
		must(t, h.rc, h.dir, append(all, "src")...)
	}
	t.Run("go-from-scratch", func(t *testing.T) {
		build("-t", "localhost/web")
		if got := h.output(t, "run", "--rm", "--network", "none", "localhost/web", "scratch"); got != "hello from scratch\n" {
			t.Errorf("it says %q", got)
		}
	})
	t.Run("cache-mount", func(t *testing.T) {
		compiled := func() string {
			t.Helper()
			build("--target", "files", "-o", filepath.Join(h.dir, "out"))
			data, err := os.ReadFile(filepath.Join(h.dir, "out/compiled"))
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimSpace(string(data))
		}
		first := compiled()
		put("src/main.go", server+"\nvar changed = 1\n")
		if second := compiled(); second != "1" || first == "1" {
			t.Errorf("the first build compiled %s packages, the second %s: want many, and 1", first, second)
		}
	})
	t.Run("apt-get", func(t *testing.T) {
		put("src/Dockerfile.apt", `FROM localhost/debian
RUN --mount=type=bind,from=conf,target=/etc/apt/apt.conf.d \
    --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends hello
CMD ["hello"]
`)
		build("-t", "localhost/hello", "-f", "src/Dockerfile.apt", "--build-context", "conf=/etc/apt/apt.conf.d")
		if got := h.output(t, "run", "--rm", "--network", "none", "localhost/hello"); got != "Hello, world!\n" {
			t.Errorf("it says %q", got)
		}
	})
	t.Run("tutorial", func(t *testing.T) {
		must(t, h.rc, h.dir, "tag", "localhost/base", "alpine")
		put("app/page.txt", "the page\n")
		put("app/Dockerfile", "FROM alpine\nWORKDIR /app\nCOPY . .\nEXPOSE 8080\nCMD [\"./web\"]\n")
		build("--target", "files", "-o", "app")
		must(t, h.rc, h.dir, "build", "-q", "-t", "app", "app")
		must(t, h.rc, h.dir, "run", "-d", "--name", "app", "-p", "127.0.0.1::8080", "app")
		defer must(t, h.rc, h.dir, "rm", "-f", "-t", "0", "app")
		address := strings.TrimSpace(h.output(t, "port", "app", "8080"))
		if got := request(t, "http://"+address+"/"); got != "the page\n" {
			t.Errorf("the page is %q", got)
		}
	})
}

// request asks until the server is there.
func request(t *testing.T, url string) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		response, err := http.Get(url)
		if err == nil {
			defer response.Body.Close()
			data, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
