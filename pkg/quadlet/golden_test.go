package quadlet

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/rc-containers/rc/pkg/quadlet/unitfile"
)

var update = flag.Bool("update", false, "write the golden files anew")

// unpack writes an archive's files into a directory.
func unpack(t *testing.T, name string) (dir string, files []txtar.File) {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, f := range archive.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, archive.Files
}

// convert makes the units of the quadlets in a directory.
func convert(t *testing.T, dir string) []Unit {
	t.Helper()
	h := host{getenv: func(name string) string { return map[string]string{"QUADLET_UNIT_DIRS": dir}[name] }}
	dirs, problems := h.dirs()
	set, more := Load(dirs, nil)
	if len(problems)+len(more) > 0 {
		t.Fatal(problems, more)
	}
	return set.Convert(Options{Program: "/usr/bin/rc", By: "by a test"})
}

// describe is all of units, for comparison.
func describe(units []Unit, dir string) string {
	var b bytes.Buffer
	for _, u := range units {
		fmt.Fprintf(&b, "=== %s: %s", u.Source.Name, u.Name)
		if len(u.Needs) > 0 {
			fmt.Fprintf(&b, ", needs %s", strings.Join(u.Needs, " "))
		}
		b.WriteByte('\n')
		for _, l := range u.Links {
			fmt.Fprintf(&b, "link %s → %s\n", l.Path, l.Target)
		}
		for _, w := range u.Warnings {
			fmt.Fprintf(&b, "warning: %v\n", w)
		}
		for _, p := range u.Problems {
			fmt.Fprintf(&b, "problem: %v\n", p)
		}
		if len(u.Problems) == 0 {
			b.Write(u.Text)
		}
		b.WriteByte('\n')
	}
	return strings.ReplaceAll(b.String(), dir, "DIR")
}

func TestGolden(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) < 5 {
		t.Fatal(archives, err)
	}
	for _, archive := range archives {
		t.Run(filepath.Base(archive), func(t *testing.T) {
			dir, _ := unpack(t, archive)
			got := describe(convert(t, dir), dir)
			golden := strings.TrimSuffix(archive, ".txtar") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestEveryKey holds that each key that rc knows is in the files of the golden tests, and is one
// that podman documents.
func TestEveryKey(t *testing.T) {
	used := map[string][]string{} // section → keys
	for _, name := range []string{"testdata/container.txtar", "testdata/others.txtar", "testdata/bad.txtar"} {
		_, files := unpack(t, name)
		for _, f := range files {
			file, err := unitfile.Parse(f.Name, f.Data)
			if err != nil {
				continue
			}
			for _, s := range file.Sections {
				for _, e := range s.Entries {
					used[s.Name] = append(used[s.Name], e.Key)
				}
			}
		}
	}
	for _, k := range kinds() {
		if k.refused != "" {
			continue
		}
		var names []string
		for _, key := range slices.Concat(k.keys(), general()) {
			names = append(names, key.name)
			if !slices.Contains(used[k.section], key.name) && !slices.Contains(used["Volume"], key.name) {
				t.Errorf("[%s] %s= is in no file of the tests", k.section, key.name)
			}
		}
		for name := range strings.FieldsSeq(documented[k.section]) {
			if !slices.Contains(names, name) {
				t.Errorf("podman has %s= in [%s], rc has not", name, k.section)
			}
		}
	}
}

// documented are the keys in podman 5's manual, by section, and those of podman 4 that it still takes.
var documented = map[string]string{
	"Container": `AddCapability AddDevice AddHost Annotation AppArmor AutoUpdate CgroupsMode ContainerName ContainersConfModule DNS
		DNSOption DNSSearch DropCapability Entrypoint Environment EnvironmentFile EnvironmentHost Exec ExposeHostPort GIDMap GlobalArgs
		Group GroupAdd HealthCmd HealthInterval HealthLogDestination HealthMaxLogCount HealthMaxLogSize HealthOnFailure HealthRetries
		HealthStartPeriod HealthStartupCmd HealthStartupInterval HealthStartupRetries HealthStartupSuccess HealthStartupTimeout
		HealthTimeout HostName HttpProxy Image ImageVolume IP IP6 Label LogDriver LogOpt Mask Memory Mount Network NetworkAlias
		NoNewPrivileges Notify PidsLimit Pod PodmanArgs PublishPort Pull ReadOnly ReadOnlyTmpfs ReloadCmd ReloadSignal Retry
		RetryDelay Rootfs RunInit SeccompProfile Secret SecurityLabelDisable SecurityLabelFileType SecurityLabelLevel
		SecurityLabelNested SecurityLabelType ServiceName ShmSize StartWithPod StopSignal StopTimeout SubGIDMap SubUIDMap Sysctl Timezone
		Tmpfs UIDMap Ulimit Umask Unmask User UserNS VolatileTmp Volume WorkingDir RemapGid RemapUid RemapUidSize RemapUsers`,
	"Volume": `ContainersConfModule Copy Device Driver GlobalArgs Group Image Label Options PodmanArgs ServiceName Type User VolumeName
		UID GID`,
	"Network": `ContainersConfModule DisableDNS DNS Driver Gateway GlobalArgs InterfaceName Internal IPAMDriver IPRange IPv6 Label
		NetworkDeleteOnStop NetworkName Options PodmanArgs ServiceName Subnet`,
	"Build": `Annotation Arch AuthFile BuildArg ContainersConfModule DNS DNSOption DNSSearch Environment File ForceRM GlobalArgs GroupAdd
		IgnoreFile ImageTag Label Network PodmanArgs Pull Retry RetryDelay Secret ServiceName SetWorkingDirectory Target TLSVerify Variant
		Volume`,
	"Image": `AllTags Arch AuthFile CertDir ContainersConfModule Creds DecryptionKey GlobalArgs Image ImageTag OS PodmanArgs Policy Retry
		RetryDelay ServiceName TLSVerify Variant`,
}
