package create

import (
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/spec"
)

func TestLog(t *testing.T) {
	conf := config.Containers{LogDriver: "json-file", LogSizeMax: 9, LogTag: "{{.Name}}"}
	for name, test := range map[string]struct {
		asked spec.Log
		conf  config.Containers
		want  spec.Log
	}{
		"default":      {want: spec.Log{Driver: "k8s-file"}},
		"conf":         {conf: conf, want: spec.Log{Driver: "json-file", MaxSize: 9, Tag: "focused_curie"}},
		"no limit":     {conf: config.Containers{LogSizeMax: -1}, want: spec.Log{Driver: "k8s-file"}},
		"no file":      {asked: spec.Log{Driver: "journald"}, conf: conf, want: spec.Log{Driver: "journald", Tag: "focused_curie"}},
		"nothing kept": {asked: spec.Log{Driver: "none"}, conf: conf, want: spec.Log{Driver: "none"}},
		"flags": {
			asked: spec.Log{Driver: "k8s-file", MaxSize: 5, MaxFiles: 3, Path: "/l", Tag: "{{.ID}}"}, conf: conf,
			want: spec.Log{Driver: "k8s-file", MaxSize: 5, MaxFiles: 3, Path: "/l", Tag: "0123456789ab"},
		},
	} {
		c, err := Container(Options{Log: test.asked}, testImage(), testEnvironment(config.Config{Containers: test.conf}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if c.Log != test.want {
			t.Errorf("%s: %+v, want %+v", name, c.Log, test.want)
		}
	}
	for _, test := range []struct {
		want string
		opts Options
		conf config.Containers
	}{
		{want: `--log-opt "path": log driver none takes`, opts: Options{Log: spec.Log{Driver: "none", Path: "/l"}}},
		{want: `--log-opt "max-size": log driver journald takes`, conf: config.Containers{LogDriver: "journald"}, opts: Options{Log: spec.Log{MaxSize: 5}}},
		{want: `--log-driver passthrough: with --tty`, opts: Options{TTY: true, Log: spec.Log{Driver: "passthrough"}}},
		{want: `containers.conf: log_driver: "syslog": want`, conf: config.Containers{LogDriver: "syslog"}},
		{want: `containers.conf: log_tag: "{{.X}}": unknown`, conf: config.Containers{LogTag: "{{.X}}"}},
	} {
		_, err := Container(test.opts, testImage(), testEnvironment(config.Config{Containers: test.conf}))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("error %v, want %s", err, test.want)
		}
	}
}

func TestRestartAndRemove(t *testing.T) {
	for policy, want := range map[string]bool{"": true, "no": true, "on-failure": true, "always": false, "unless-stopped": false} {
		c, err := Container(Options{Remove: true, Restart: spec.Restart{Policy: policy}}, testImage(), testEnvironment(config.Config{}))
		if (err == nil) != want {
			t.Errorf("%s with --rm: %v", policy, err)
		}
		if err == nil && c.Restart.Policy != policy {
			t.Errorf("%s: recorded %+v", policy, c.Restart)
		}
	}
}
