package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOrigins(t *testing.T) {
	h, dir := machine(t, map[string]string{"XDG_DATA_HOME": "@/data"})
	write(t, h.share+"/containers.conf", "# comment\n[containers]\n# pids_limit = 5\nenv = [\n  \"A=1\",\n  \"B=2\",\n]\nshm_size = \"1g\"\n[engine]\ncgroup_manager = \"cgroupfs\"\n")
	write(t, h.etc+"/containers.conf", "[containers]\nshm_size = \"2g\"\n\n[[network.default_subnet_pools]]\nbase = \"10.1.0.0/16\"\nsize = 24\n")
	write(t, dir+"/home/.config/containers/containers.conf", "[containers]\ntz = '''\nlocal'''\n\npids_limit=7\n[engine]\nstop_timeout = 3\n")
	write(t, h.etc+"/storage.conf", "[storage]\n[storage.options.overlay]\nmount_program = \"/usr/bin/fuse-overlayfs\"\n")
	write(t, h.etc+"/registries.conf", "unqualified-search-registries = [\"quay.io\"]\n")
	flags := Flags{CgroupManager: "systemd", TmpDir: dir}
	c, err := load(flags, h)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Setting{}
	for _, s := range c.origins(flags, h) {
		if _, twice := got[s.Key]; twice {
			t.Errorf("%s twice", s.Key)
		}
		got[s.Key] = s
	}
	user := dir + "/home/.config/containers/containers.conf"
	for _, want := range []Setting{
		{"root", dir + "/data/rc", "$XDG_DATA_HOME"},
		{"tmpdir", dir, "--tmpdir"},
		{"log_level", "warn", "default"},
		{"containers.env", `["A=1","B=2"]`, h.share + "/containers.conf:4"},
		{"containers.shm_size", "2g", h.etc + "/containers.conf:2"},
		{"containers.tz", "local", user + ":2"},
		{"containers.pids_limit", "7", user + ":5"},
		{"containers.init", "", "default"},
		{"engine.stop_timeout", "3", user + ":7"},
		{"engine.cgroup_manager", "systemd", "--cgroup-manager"},
		{"engine.hooks_dir", `["` + h.share + `/oci/hooks.d","` + h.etc + `/oci/hooks.d"]`, "default"},
		{"network.default_subnet_pools", `[{"Base":"10.1.0.0/16","Size":24}]`, h.etc + "/containers.conf:4"},
		{"storage.options.overlay.mount_program", "fuse-overlayfs", h.etc + "/storage.conf:3"},
		{"unqualified-search-registries", `["quay.io"]`, h.etc + "/registries.conf:1"},
	} {
		if diff := cmp.Diff(want, got[want.Key]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
