package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/docker/distribution/registry/api/errcode"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/types"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// Retry says how often, and after which pause, a request is repeated.
type Retry struct {
	Times int
	Delay time.Duration // before the first repetition, doubled each time; 0 is a second
	// Notify is told before each pause; nil is nobody.
	Notify func(err error, pause time.Duration)
}

// maxPause bounds the doubling.
const maxPause = time.Minute

// Do calls do until it succeeds, fails in a way that will not change, or has been repeated often
// enough.
func (r Retry) Do(ctx context.Context, do func() error) error {
	pause := r.Delay
	if pause == 0 {
		pause = time.Second
	}
	for n := 0; ; n++ {
		err := do()
		if err == nil || n >= r.Times || ctx.Err() != nil || !worthwhile(err) {
			return err
		}
		if r.Notify != nil {
			r.Notify(err, pause)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
}

// worthwhile says whether the same request may succeed a moment later: the network or the
// server had trouble. Not so what the server has decided (4xx), what we asked wrongly,
// addresses where nobody listens, names that do not exist, certificates.
func worthwhile(err error) bool {
	if status := statusCode(err); status != 0 {
		return status >= 500 || status == http.StatusRequestTimeout || status == http.StatusTooManyRequests
	}
	var dns *net.DNSError
	var netErr net.Error
	switch {
	case errors.Is(err, errSilent):
		return true
	case errors.Is(err, context.Canceled), errors.Is(err, errs.ErrNotFound), errors.Is(err, unix.ECONNREFUSED), certificate(err):
		return false
	case errors.As(err, &dns):
		return dns.IsTemporary || dns.IsTimeout
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		return true
	case errors.As(err, &netErr):
		return netErr.Timeout()
	}
	return false
}

func certificate(err error) bool {
	var a *tls.CertificateVerificationError
	var b x509.UnknownAuthorityError
	var c x509.HostnameError
	var d tls.RecordHeaderError
	return expired(err) || errors.As(err, &a) || errors.As(err, &b) || errors.As(err, &c) || errors.As(err, &d)
}

func expired(err error) bool {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok && invalid.Reason == x509.Expired
}

// statusCode finds the HTTP status in an error of the library, 0 if there is none. Most of
// its types are not exported, but they all write the number.
func statusCode(err error) int {
	var coder errcode.ErrorCoder
	var status docker.UnexpectedHTTPStatusError
	switch {
	case errors.Is(err, docker.ErrTooManyRequests):
		return http.StatusTooManyRequests
	case errors.As(err, &docker.ErrUnauthorizedForCredentials{}):
		return http.StatusUnauthorized
	case errors.As(err, &status):
		return status.StatusCode
	case errors.As(err, &coder):
		return coder.ErrorCode().Descriptor().HTTPStatusCode
	}
	for _, pattern := range []string{`StatusCode: (\d{3})\b`, `invalid status code from registry (\d{3})\b`, `status code (\d{3})\b`} {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(err.Error()); m != nil {
			n, _ := strconv.Atoi(m[1]) // three digits
			return n
		}
	}
	return 0
}

// explain gives an error of the library the sentinel that it means and the way out.
func explain(err error, ref types.ImageReference) error {
	if err == nil || errs.Hint(err) != "" {
		return err
	}
	return explainHost(err, host(ref.DockerReference().Name()))
}

func explainHost(err error, host string) error {
	text := err.Error()
	status := statusCode(err)
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return errs.WithHint(err, fmt.Sprintf("the image does not exist, or %[1]s wants a login: rc login %[1]s, or --creds USER:PASSWORD, or --authfile FILE "+
			"(the files of podman login and docker login are read by themselves)", host))
	case status == http.StatusNotFound || strings.Contains(text, "manifest unknown"):
		return fmt.Errorf("%w: %w", errs.ErrNotFound, err)
	case status == http.StatusTooManyRequests:
		return errs.WithHint(err, "the registry limits how much is pulled: try later, or log in")
	case strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return errs.WithHint(err, fmt.Sprintf("%s speaks plain HTTP: --tls-verify=false, or in registries.conf: [[registry]] location = %q, insecure = true", host, host))
	case strings.Contains(text, "is blocked in"):
		return errs.WithHint(err, "registries.conf blocks it: see `blocked = true` there, and containers-registries.conf(5)")
	case expired(err):
		return errs.WithHint(err, fmt.Sprintf("the certificate of %s is out of date, or this machine's clock is wrong: it has to be renewed there; --tls-verify=false does without", host))
	case strings.Contains(text, "10 redirects"):
		return errs.WithHint(err, fmt.Sprintf("%s, or a proxy before it, sends everybody from one place to the next: it has to be mended there, or see HTTPS_PROXY and NO_PROXY", host))
	case certificate(err):
		return errs.WithHint(err, fmt.Sprintf("put the registry's CA into ~/.config/containers/certs.d/%s/ca.crt, or --cert-dir DIR, or --tls-verify=false", host))
	}
	return err
}
