package image

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
)

func TestChanges(t *testing.T) {
	for _, c := range []struct {
		in   []string
		want index.ImageConfig
	}{
		{[]string{`CMD ["a", "b c"]`}, index.ImageConfig{Cmd: []string{"a", "b c"}}},
		{[]string{`cmd=["a"]`}, index.ImageConfig{Cmd: []string{"a"}}},
		{[]string{`CMD echo "$HOME"`}, index.ImageConfig{Cmd: []string{"/bin/sh", "-c", `echo "$HOME"`}}},
		{[]string{`CMD=/bin/sh`}, index.ImageConfig{Cmd: []string{"/bin/sh", "-c", "/bin/sh"}}},
		{[]string{`CMD a`, `CMD []`}, index.ImageConfig{Cmd: []string{}}},
		{[]string{`ENTRYPOINT [ "x" ]`, "CMD [ -f x ] && y"}, index.ImageConfig{Entrypoint: []string{"x"}, Cmd: []string{"/bin/sh", "-c", "[ -f x ] && y"}}},
		{[]string{"ENV=A=b", "ENV A=c D=", `ENV OLD some value`, `ENV E="x y" F=a\ b G='\n'`}, index.ImageConfig{Env: []string{"A=c", "D=", "OLD=some value", "E=x y", "F=a b", `G=\n`}}},
		{[]string{"EXPOSE 80 90-91/udp"}, index.ImageConfig{ExposedPorts: map[string]struct{}{"80/tcp": {}, "90/udp": {}, "91/udp": {}}}},
		{[]string{`LABEL a="b c" d=`, "LABEL a=e"}, index.ImageConfig{Labels: map[string]string{"a": "e", "d": ""}}},
		{[]string{"VOLUME /a /b", `VOLUME ["/c d"]`}, index.ImageConfig{Volumes: map[string]struct{}{"/a": {}, "/b": {}, "/c d": {}}}},
		{[]string{"WORKDIR a", "WORKDIR ../b", "USER=1:2", "STOPSIGNAL 9"}, index.ImageConfig{WorkingDir: "/b", User: "1:2", StopSignal: "9"}},
	} {
		changes, err := ParseChanges(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		var got index.Config
		Apply(&got, changes)
		if d := cmp.Diff(c.want, got.ImageConfig); d != "" {
			t.Errorf("%q: %s", c.in, d)
		}
	}
	for _, bad := range []string{"", "CMD", "RUN true", "FROM x", "CMDX y", `CMD ['a']`, `CMD [1]`, "ENV", "ENV A", `ENV A="b`, "ENV =b", "EXPOSE x", "EXPOSE 0", "EXPOSE 9-1", "EXPOSE 70000", "EXPOSE 1/icmp", "USER a b", "WORKDIR", "LABEL"} {
		if c, err := ParseChanges([]string{bad}); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q is %+v, %v", bad, c, err)
		}
	}
}

func TestHealthcheckChange(t *testing.T) {
	for in, want := range map[string]string{
		"HEALTHCHECK NONE":                      `{"Test":["NONE"]}`,
		"healthcheck=none":                      `{"Test":["NONE"]}`,
		`HEALTHCHECK CMD ["a", "b"]`:            `{"Test":["CMD","a","b"]}`,
		`HEALTHCHECK CMD test -e "$HOME" || no`: `{"Test":["CMD-SHELL","test -e \"$HOME\" || no"]}`,
		"HEALTHCHECK --interval=5s --timeout=1s --start-period=0s --start-interval=9ms  --retries=4 cmd true": `{"Test":["CMD-SHELL","true"],` +
			`"Interval":5000000000,"Timeout":1000000000,"StartInterval":9000000,"Retries":4}`,
	} {
		changes, err := ParseChanges([]string{in})
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		var got index.Config
		Apply(&got, changes)
		if string(got.Healthcheck) != want {
			t.Errorf("%q: %s, want %s", in, got.Healthcheck, want)
		}
	}
	for _, bad := range []string{
		"HEALTHCHECK", "HEALTHCHECK CMD", "HEALTHCHECK CMD []", "HEALTHCHECK true", "HEALTHCHECK NONE CMD x", "HEALTHCHECK --retries=1 NONE",
		"HEALTHCHECK --interval=x CMD y", "HEALTHCHECK --interval CMD y", "HEALTHCHECK --retries=0 CMD y", "HEALTHCHECK --rounds=1 CMD y",
		"HEALTHCHECK --retries=1 --retries=1 CMD y", "HEALTHCHECK --timeout=1ms CMD y", `HEALTHCHECK CMD ['a']`,
	} {
		if c, err := ParseChanges([]string{bad}); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q is %+v, %v", bad, c, err)
		}
	}
}

func FuzzChanges(f *testing.F) {
	for _, s := range []string{`CMD ["a"]`, "ENV a=b c='d", "EXPOSE 1-65535/udp", `LABEL a\`, "ONBUILD ENV x", "VOLUME [", "WORKDIR ../..", "HEALTHCHECK --retries=3 CMD x", "=", "ENV \"\" x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		changes, err := ParseChanges([]string{s})
		if err != nil {
			if !errors.Is(err, errs.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		var c index.Config
		Apply(&c, changes)
		if c.WorkingDir != "" && c.WorkingDir[0] != '/' {
			t.Fatalf("%q: working directory %q", s, c.WorkingDir)
		}
		for _, e := range c.Env {
			if e == "" || e[0] == '=' {
				t.Fatalf("%q: environment %q", s, c.Env)
			}
		}
	})
}
