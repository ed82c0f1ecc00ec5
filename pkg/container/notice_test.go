package container

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/systemd"
	"github.com/rc-containers/rc/pkg/userns"
)

// TestTellSingle: told once, also where the data directory is not there yet.
func TestTellSingle(t *testing.T) {
	cfg := &config.Config{DataRoot: t.TempDir() + "/new"}
	var told strings.Builder
	for range 2 {
		TellSingle(&told, cfg, userns.Map{})
	}
	if strings.Count(told.String(), "\n") != 1 || !strings.Contains(told.String(), "subordinate ids") {
		t.Errorf("told %q", told.String())
	}
}

// aKeeper is a user in a login session, on a machine that systemd runs, and of which there is nothing else.
func aKeeper(t *testing.T) keeper {
	t.Helper()
	k := keeper{
		uid: 1000, user: "ann", root: t.TempDir(), getenv: func(name string) string { return map[string]string{"HOME": "/home/ann"}[name] },
		cgroup: func() (string, error) { return "0::/user.slice/user-1000.slice/session-3.scope\n", nil },
	}
	touch(t, k.root+systemd.BootedDir+"/x")
	return k
}

// unbooted has systemd not run the machine.
func unbooted(k *keeper) { k.root += "/other" }

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTellLinger(t *testing.T) {
	in := func(path string) func(*keeper) {
		return func(k *keeper) { k.cgroup = func() (string, error) { return "0::" + path + "\n", nil } }
	}
	for name, test := range map[string]struct {
		change func(*keeper)
		tells  bool
	}{
		"session":         {func(*keeper) {}, true},
		"user unit":       {in("/user.slice/user-1000.slice/user@1000.service/app.slice/x.service"), true},
		"system service":  {in("/system.slice/ci.service"), false},
		"another user's":  {in("/user.slice/user-10001.slice/session-3.scope"), false},
		"no logind":       {in("/"), false},
		"no cgroups":      {func(k *keeper) { k.cgroup = func() (string, error) { return "", os.ErrNotExist } }, false},
		"in a unit":       {func(k *keeper) { k.inUnit = true }, false},
		"no systemd":      {unbooted, false},
		"nobody's name":   {func(k *keeper) { k.user = "" }, false},
		"linger":          {func(k *keeper) { touch(t, k.root+"/var/lib/systemd/linger/ann") }, false},
		"linger of other": {func(k *keeper) { touch(t, k.root+"/var/lib/systemd/linger/bob") }, true},
	} {
		k, cfg := aKeeper(t), &config.Config{DataRoot: t.TempDir()}
		test.change(&k)
		var told strings.Builder
		for range 2 {
			tellLinger(&told, cfg, k)
		}
		if n := strings.Count(told.String(), "loginctl enable-linger\n"); n > 1 || (n == 1) != test.tells {
			t.Errorf("%s: told %q", name, told.String())
		}
	}
}

func TestTellRestart(t *testing.T) {
	xdg := func(k *keeper) {
		k.getenv = func(name string) string {
			return map[string]string{"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d", "XDG_DATA_DIRS": "/s1:/s2"}[name]
		}
	}
	for name, test := range map[string]struct {
		policy string
		files  []string
		change func(*keeper)
		tells  bool
	}{
		"for everybody":         {"always", []string{"/usr/local/lib/systemd/user/rc-restart.service"}, nil, true},
		"for the user":          {"unless-stopped", []string{"/home/ann/.local/share/systemd/user/rc-restart.service"}, nil, true},
		"where XDG says":        {"always", []string{"/d/systemd/user/rc-restart.service"}, xdg, true},
		"among the shared":      {"always", []string{"/s2/systemd/user/rc-restart.service"}, xdg, true},
		"not installed":         {"always", nil, nil, false},
		"not where XDG says":    {"always", []string{"/h/.local/share/systemd/user/rc-restart.service"}, xdg, false},
		"in a unit":             {"always", []string{"/usr/lib/systemd/user/rc-restart.service"}, func(k *keeper) { k.inUnit = true }, false},
		"no policy":             {"", []string{"/usr/lib/systemd/user/rc-restart.service"}, nil, false},
		"not after a boot":      {"on-failure", []string{"/usr/lib/systemd/user/rc-restart.service"}, nil, false},
		"enabled":               {"always", []string{"/usr/lib/systemd/user/rc-restart.service", "/home/ann/.config/systemd/user/default.target.wants/rc-restart.service"}, nil, false},
		"enabled for everybody": {"always", []string{"/usr/lib/systemd/user/rc-restart.service", "/etc/systemd/user/default.target.wants/rc-restart.service"}, nil, false},
	} {
		k, cfg := aKeeper(t), &config.Config{DataRoot: t.TempDir()}
		if test.change != nil {
			test.change(&k)
		}
		for _, file := range test.files {
			touch(t, k.root+file)
		}
		var told strings.Builder
		for range 2 {
			tellRestart(&told, cfg, test.policy, k)
		}
		if n := strings.Count(told.String(), "systemctl --user enable rc-restart.service\n"); n > 1 || (n == 1) != test.tells {
			t.Errorf("%s: told %q", name, told.String())
		}
	}
}

// TestTellNoSystemd: once where it does not run, and what is systemd's to do is left to others.
func TestTellNoSystemd(t *testing.T) {
	k, cfg := aKeeper(t), &config.Config{DataRoot: t.TempDir()}
	var told strings.Builder
	tellNoSystemd(&told, cfg, k)
	if told.Len() > 0 {
		t.Errorf("where it runs: %q", told.String())
	}
	unbooted(&k)
	for range 2 {
		tellNoSystemd(&told, cfg, k)
		tellRestart(&told, cfg, "always", k)
	}
	if said := told.String(); strings.Count(said, "systemd does not run") != 1 || strings.Count(said, "@reboot /") != 1 {
		t.Errorf("told %q", said)
	}
}
