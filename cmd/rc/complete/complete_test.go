package complete

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/secret"
)

// offer is what is offered for a word of a flag, without descriptions, as the shell shows it.
func offer(t *testing.T, a *cli.App, flag, word string) []string {
	t.Helper()
	cmd := &cobra.Command{Use: "run"}
	cmd.SetContext(t.Context())
	list, _ := byName(a)[flag](cmd, nil, word)
	var out []string
	for _, w := range list {
		w, _, _ = strings.Cut(w, "\t")
		if strings.HasPrefix(w, word) {
			out = append(out, w)
		}
	}
	return out
}

func TestValues(t *testing.T) {
	a := clitest.App(t, false)
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"sub/deep/file", "sub/other", ".hidden", "sun"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := secret.At(a.Config.DataRoot).Create("db", []byte("x"), secret.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ flag, word, want string }{
		{"volume", "./src:", ""},
		{"volume", "./src:/x", ""},
		{"volume", "./src:/x:r", "./src:/x:ro ./src:/x:rw ./src:/x:rslave ./src:/x:rshared ./src:/x:rprivate"},
		{"volume", "./src:/x:ro,no", "./src:/x:ro,noexec ./src:/x:ro,nosuid ./src:/x:ro,nodev ./src:/x:ro,nocopy"},
		{"volume", "./src:/x:O,up", "./src:/x:O,upperdir="},
		{"volume", "./src:/x:O,upperdir=su", "./src:/x:O,upperdir=sub/ ./src:/x:O,upperdir=sun"},
		{"mount", "type=t", "type=tmpfs,"},
		{"mount", "type=tmpfs,dst=/x,tmpfs-s", "type=tmpfs,dst=/x,tmpfs-size="},
		{"mount", "type=bind,d", "type=bind,dst= type=bind,dev"},
		{"mount", "type=bind,src=sub/", "type=bind,src=sub/deep/ type=bind,src=sub/other"},
		{"mount", "type=bind,src=.", "type=bind,src=.hidden"},
		{"mount", "type=bind,bind-rec", "type=bind,bind-recursive="},
		{"mount", "type=bind,bind-recursive=r", "type=bind,bind-recursive=readonly"},
		{"mount", "type=image,r", "type=image,ro type=image,rw"},
		{"tmpfs", "/t", "/tmp"},
		{"tmpfs", "/x:si", "/x:size="},
		{"tmpfs", "/x:size=1m,mo", "/x:size=1m,mode="},
		{"tmpfs", "/x:mode=", "/x:mode=1777 /x:mode=0755"},
		{"volumes-from", "f", "failed"},
		{"volumes-from", "failed:r", "failed:ro failed:rw"},
		{"network", "hos", "host"},
		{"net", "hos", "host"},
		{"network", "container:", "container:runs"}, // the one that has a network
		{"network", "host:", ""},
		{"network", "slirp4netns:port", "slirp4netns:port_handler="},
		{"network", "slirp4netns:mtu=1500,enable_ipv6=", "slirp4netns:mtu=1500,enable_ipv6=true slirp4netns:mtu=1500,enable_ipv6=false"},
		{"network", "podman:ip", "podman:ip= podman:ip6="},
		{"network", "podman:ip=10.88.0.5,ip", "podman:ip=10.88.0.5,ip6="},
		{"network", "ns:sub/o", "ns:sub/other"},
		{"userns", "keep-id:", "keep-id:uid= keep-id:gid= keep-id:size="},
		{"userns", "keep-id:uid=5,", "keep-id:uid=5,gid= keep-id:uid=5,size="},
		{"userns", "container:", "container:runs"},
		{"security-opt", "se", "seccomp="},
		{"security-opt", "seccomp=u", "seccomp=unconfined"},
		{"security-opt", "seccomp=sub/o", "seccomp=sub/other"},
		{"security-opt", "unmask=A", "unmask=ALL"},
		{"security-opt", "proc-opts=hide", "proc-opts=hidepid="},
		{"security-opt", "proc-opts=hidepid=2,s", "proc-opts=hidepid=2,subset=pid"},
		{"secret", "d", "db"},
		{"secret", "db,type=", "db,type=mount db,type=env"},
		{"secret", "db,type=env,ta", "db,type=env,target="},
		{"log-opt", "pa", "path="},
		{"log-opt", "path=sub/o", "path=sub/other"},
		{"add-host", "db:", "db:host-gateway"},
		{"signal", "SIGK", "SIGKILL"},
		{"cap-add", "NET_A", "NET_ADMIN"},
		{"restart", "o", "on-failure"},
		{"sysctl", "net.ipv4.ip_forward=", ""},
		{"dns", "no", "none"},
		{"ulimit", "nof", "nofile="},
	} {
		if diff := cmp.Diff(test.want, strings.Join(offer(t, a, test.flag, test.word), " ")); diff != "" {
			t.Errorf("--%s %q (-want +got):\n%s", test.flag, test.word, diff)
		}
	}
}

// TestValuesOfTheHost is about what differs from machine to machine.
func TestValuesOfTheHost(t *testing.T) {
	a := clitest.App(t, false)
	t.Setenv("RC_TEST_VARIABLE", "x")
	for flag, want := range map[string]string{
		"device": "/dev/", "user": "root", "hostuser": "root", "group-add": "keep-groups", "env": "RC_TEST_VARIABLE",
		"cgroup-parent": "user.slice", "tz": "local", "network": "podman", "platform": "linux/arm64",
	} {
		if got := offer(t, a, flag, ""); !slices.Contains(got, want) {
			t.Errorf("--%s: %q, want %q among them", flag, got, want)
		}
	}
}

func TestFirstColumn(t *testing.T) {
	got := firstColumn("root:x:0:0::/:\n# comment: with a colon\n+nis::::::\n\nplain\nu:x\n")
	if diff := cmp.Diff([]string{"root", "u"}, got); diff != "" {
		t.Error(diff)
	}
}
