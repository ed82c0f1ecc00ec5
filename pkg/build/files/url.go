package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	digest "github.com/opencontainers/go-digest"

	"github.com/rc-containers/rc/pkg/build/remote"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// isURL says whether a source of ADD is fetched by HTTP.
func isURL(source string) bool {
	return strings.HasPrefix(source, "http://") || strings.HasPrefix(source, "https://")
}

// download is a source of ADD that comes by HTTP.
type download struct {
	p        *Prepared
	url      string
	name     string // of the file
	checksum digest.Digest
	known    known
}

// known is what is remembered of a URL, as JSON in a file of Options.URLs: if the server says that it has not changed, its
// digest is known without fetching it.
type known struct {
	URL      string        `json:"url"`
	ETag     string        `json:"etag,omitempty"`
	Modified string        `json:"modified,omitempty"`
	Digest   digest.Digest `json:"digest"`
}

// unnamed is what BuildKit calls a file whose URL has no name.
const unnamed = "__unnamed__"

// fromURL prepares a URL. Its content is fetched only if nothing else tells its digest.
func (p *Prepared) fromURL(ctx context.Context, source string) (*match, error) {
	u, err := url.Parse(source)
	if err != nil {
		return nil, errs.Invalidf("%v", err)
	}
	d := &download{p: p, url: source, name: path.Base(u.Path)}
	if d.name == "." || d.name == "/" || d.name == ".." {
		d.name = unnamed
	}
	m := &match{base: d.name, unpack: p.copy.Unpack != nil && *p.copy.Unpack, fetch: d.get}
	if p.copy.Checksum != "" {
		if d.checksum, err = digest.Parse(p.copy.Checksum); err != nil {
			return nil, errs.Invalidf("--checksum %q: %v", p.copy.Checksum, err)
		}
		m.id = d.checksum.String()
		return m, nil
	}
	d.recall()
	header := http.Header{}
	if d.known.ETag != "" {
		header.Set("If-None-Match", d.known.ETag)
	} else if d.known.Modified != "" {
		header.Set("If-Modified-Since", d.known.Modified)
	}
	response, err := remote.Get(ctx, source, header)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotModified {
		if d.known.Digest == "" {
			return nil, errs.Invalidf("the server answers %s, although nothing is known", response.Status)
		}
		m.id = d.known.id()
		return m, nil
	}
	if m.top, err = d.save(ctx, response); err != nil {
		return nil, err
	}
	m.id = d.known.id()
	return m, nil
}

// id is what decides about the file.
func (k *known) id() string { return k.Digest.String() + " " + k.Modified }

// get fetches the file for a layer whose key is known already.
func (d *download) get(ctx context.Context) (*pick, error) {
	want := d.known.id()
	response, err := remote.Get(ctx, d.url, nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	top, err := d.save(ctx, response)
	if err == nil && d.checksum == "" && d.known.id() != want {
		err = ErrChanged
	}
	return top, err
}

// save writes what a server sends to a file of its own, with the time that the server tells, or none: 1970.
func (d *download) save(ctx context.Context, response *http.Response) (*pick, error) {
	dir, err := os.MkdirTemp(d.p.o.Temp, "url-")
	if err != nil {
		return nil, fmt.Errorf("make room for a download: %w", err)
	}
	d.p.made = append(d.p.made, dir)
	name := filepath.Join(dir, d.name)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make room for a download: %w", err)
	}
	defer f.Close()
	algorithm := digest.Canonical
	if d.checksum != "" {
		algorithm = d.checksum.Algorithm()
	}
	digester := algorithm.Digester()
	progress := &progress{report: d.p.o.Progress, total: max(response.ContentLength, 0)}
	if _, err := io.Copy(io.MultiWriter(f, digester.Hash(), progress), response.Body); err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	got := digester.Digest()
	if d.checksum != "" && got != d.checksum {
		return nil, errs.Invalidf("its digest is %s, not %s", got, d.checksum)
	}
	modified := time.Unix(0, 0)
	d.known = known{URL: d.url, ETag: response.Header.Get("ETag"), Digest: got}
	if t, err := http.ParseTime(response.Header.Get("Last-Modified")); err == nil {
		modified = t
		d.known.Modified = response.Header.Get("Last-Modified")
	}
	if d.checksum == "" {
		d.remember(response)
	}
	if err := os.Chtimes(name, modified, modified); err != nil {
		return nil, err
	}
	src, err := OpenContext(dir, nil, nil)
	if err != nil {
		return nil, err
	}
	return d.p.only(ctx, src, d.name)
}

// progress counts what has arrived.
type progress struct {
	report         func(current, total int64)
	current, total int64
}

func (p *progress) Write(data []byte) (int, error) {
	p.current += int64(len(data))
	if p.report != nil {
		p.report(p.current, max(p.current, p.total))
	}
	return len(data), nil
}

func (d *download) path() string {
	return filepath.Join(d.p.o.URLs, digest.Canonical.FromString(d.url).Encoded()+".json")
}

func (d *download) recall() {
	if d.p.o.URLs == "" {
		return
	}
	data, err := os.ReadFile(d.path())
	// What cannot be read is forgotten.
	if err != nil || json.Unmarshal(data, &d.known) != nil || d.known.URL != d.url || d.known.Digest.Validate() != nil {
		d.known = known{}
	}
}

// settledAnswer is how old a time must be to tell versions of a file from each other (RFC 9110, 8.8.2.2).
const settledAnswer = time.Minute

// remember keeps what the server says about the file. It saves work and nothing else: errors are none.
func (d *download) remember(response *http.Response) {
	k := d.known
	date, err := http.ParseTime(response.Header.Get("Date"))
	modified, err2 := http.ParseTime(k.Modified)
	trusted := err == nil && err2 == nil && date.Sub(modified) > settledAnswer
	if d.p.o.URLs == "" || k.ETag == "" && !trusted {
		return
	}
	data, err := json.Marshal(k)
	if err != nil {
		return
	}
	err = linux.ReplaceFile(d.path(), data)
	if errors.Is(err, os.ErrNotExist) && os.MkdirAll(d.p.o.URLs, 0o700) == nil {
		_ = linux.ReplaceFile(d.path(), data)
	}
}
