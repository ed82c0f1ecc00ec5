package runner

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// binfmt is where the kernel lists who runs programs for other machines.
const binfmt = "/proc/sys/fs/binfmt_misc"

// checkPlatform refuses a platform whose programs nobody here can run. A wrong word for one is the image's to refuse.
func checkPlatform(platform string) error { return checkEmulator(platform, runtime.GOARCH, binfmt) }

func checkEmulator(platform, machine, dir string) error {
	arch := platform
	if _, after, found := strings.Cut(platform, "/"); found {
		arch, _, _ = strings.Cut(after, "/")
	}
	if arch == "" || arch == machine || machine == "amd64" && arch == "386" {
		return nil
	}
	name := qemuName(arch)
	entries, _ := filepath.Glob(filepath.Join(dir, "*")) // none without the kernel's module
	for _, path := range entries {
		if serves(path, name) {
			return nil
		}
	}
	return errs.WithHint(errs.Unsupportedf("platform %s: this machine is linux/%s, and no emulator for %s is registered with binfmt_misc", platform, machine, name),
		"sudo apt install qemu-user-static binfmt-support")
}

// qemuName is what QEMU and the kernel call a machine that Go calls arch.
func qemuName(arch string) string {
	names := map[string]string{
		"amd64": "x86_64", "386": "i386", "arm64": "aarch64", "ppc64": "ppc64", "mips64le": "mips64el", "mipsle": "mipsel", "loong64": "loongarch64",
	}
	if name, known := names[arch]; known {
		return name
	}
	return arch // arm, riscv64, s390x, ppc64le, mips64
}

// serves says whether a registration is enabled and about a machine: its own name or its interpreter's ends with that.
func serves(path, name string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	enabled, found := false, strings.HasSuffix(path, "-"+name)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), " ")
		switch key {
		case "enabled":
			enabled = true
		case "interpreter":
			base := strings.TrimSuffix(filepath.Base(value), "-static")
			found = found || strings.HasSuffix(base, "-"+name)
		}
	}
	return enabled && found
}
