package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/machine"
	"github.com/rc-containers/rc/pkg/userns"
)

// basics are the kernel, and user namespaces with their ids.
func basics() []Check {
	return []Check{
		{
			Name: "kernel", Title: "the kernel's version", Run: checkKernel,
			Why: "rc uses system calls that older kernels lack",
		},
		{
			Name: "userns", Title: "user namespaces, which an ordinary user may make", Run: checkUserns,
			Why: "every container lives in one: it is what makes root of the container an ordinary user outside",
		},
		{
			Name: "newuidmap", Title: "the programs that give a namespace its ids", Run: checkMappers,
			Why: "they are the only way for an ordinary user to have more than one id in a container",
		},
		{
			Name: "subuid", Title: "your ranges in /etc/subuid and /etc/subgid", Run: checkSubuid,
			Why: "users of a container are these ids outside: without them images with files of other users cannot be unpacked",
		},
		{
			Name: "idmap", Title: "a namespace with all these ids", Run: checkIDMap, Needs: []string{"userns", "newuidmap"},
			Why: "every container, pull and build begins with it", Settings: true,
		},
	}
}

func checkKernel(context.Context, *Host) []Finding {
	release := machine.Kernel()
	const upgrade = "boot a newer kernel"
	switch {
	case !linux.KernelAtLeast(5, 6):
		return []Finding{problem("Linux " + release + ": rc needs 5.6 or newer").advise(upgrade)}
	case !linux.KernelAtLeast(5, 11):
		return []Finding{warning("Linux " + release + ": before 5.11 fuse-overlayfs has to mount containers' roots, which is slower").advise(upgrade)}
	}
	return []Finding{ok("Linux %s", release)}
}

// checkUserns makes one with a single id, which needs no help, and mounts something in it.
func checkUserns(ctx context.Context, h *Host) []Finding {
	if userns.Inside() {
		return []Finding{ok("this is root of one already")}
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", ProbeVerb, probeMount)
	cmd.Args[0] = "rc"
	cmd.WaitDelay = grace
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: h.uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	said, err := cmd.CombinedOutput()
	if err == nil {
		return []Finding{ok("they can be made, and mounted in")}
	}
	if _, ran := errors.AsType[*exec.ExitError](err); ran {
		// The namespace was made, and then privileges in it were refused: that is AppArmor's way, or SELinux's.
		text, _ := output{stderr: string(said), err: err}.failure()
		err = fmt.Errorf("a user namespace can be made, but not mounted in: %s: %w", text, unix.EACCES)
	} else if errno, found := errors.AsType[syscall.Errno](err); found {
		err = fmt.Errorf("make a user namespace: %w", errno)
	}
	f := fromError(userns.Explain(err))
	if len(f.Remedies) == 0 && f.Advice == "" && h.read("/sys/fs/selinux/enforce") == "1" {
		f.Advice = "SELinux may forbid it; sudo ausearch -m avc -ts recent shows what it has denied"
	}
	return []Finding{f}
}

func checkMappers(_ context.Context, h *Host) []Finding {
	if userns.Inside() {
		return []Finding{ok("not needed: this is root of a user namespace already")}
	}
	paths, problems := userns.CheckMappers()
	var out []Finding
	for _, err := range problems {
		f := fromError(err)
		if strings.Contains(err.Error(), "not found") {
			f = problem(err.Error()).installing(h, "newuidmap")
		}
		if len(out) == 0 || !slices.EqualFunc(out[0].Remedies, f.Remedies, func(a, b Remedy) bool { return a == b }) {
			out = append(out, f)
		}
	}
	if out == nil {
		out = append(out, ok("%s have the privilege", strings.Join(paths, " and ")))
	}
	return out
}

func checkSubuid(ctx context.Context, _ *Host) []Finding {
	if userns.Inside() {
		return []Finding{ok("not needed: this is root of a user namespace already")}
	}
	survey, err := userns.SurveyIDs(ctx)
	if err != nil {
		return []Finding{fromError(err)}
	}
	return judgeSubuid(survey, userns.AddRange, userns.ReplaceRange)
}

// movingAdvice is for users who have files of the old ids.
const movingAdvice = "with images or containers already there, their files are to be moved: rc system migrate --help says in which order"

// judgeSubuid judges a survey; add and replace make the commands.
func judgeSubuid(s *userns.Survey, add func(uids, gids bool) string, replace func(r userns.Range, groups bool) string) []Finding {
	where := "/etc/subuid and /etc/subgid"
	if s.NSS {
		where = "the directory service (subid: in /etc/nsswitch.conf)"
	}
	var out []Finding
	uids, gids := userns.Total(s.UIDs), userns.Total(s.GIDs)
	switch fewU, fewG := uids < userns.RangeSize, gids < userns.RangeSize; {
	case uids == 0 && gids == 0:
		out = append(out, problem(fmt.Sprintf("%s has no ids in %s", s.Name, where)).mend(add(true, true)))
	case uids == 0:
		out = append(out, problem(fmt.Sprintf("%s has group ids in /etc/subgid, but no user ids in /etc/subuid", s.Name)).mend(add(true, false)))
	case gids == 0:
		out = append(out, problem(fmt.Sprintf("%s has user ids in /etc/subuid, but no group ids in /etc/subgid", s.Name)).mend(add(false, true)))
	case fewU || fewG:
		out = append(out, warning(fmt.Sprintf("%s has %d user and %d group ids: fewer than the %d that images may use", s.Name, uids, gids, userns.RangeSize)).
			mend(add(fewU, fewG)))
	}
	if s.NSS && len(out) > 0 {
		out[0].Remedies = nil
		out[0].Advice = "ranges are given out by the directory service: ask who runs it"
	}
	for _, o := range s.Overlaps {
		f := warning(fmt.Sprintf("your range %s meets %s: files and processes of one are the other's, too", o.Mine, o.With))
		if !s.NSS {
			f = f.byHand(replace(o.Mine, o.Groups)).advise(movingAdvice)
		}
		out = append(out, f)
	}
	for _, err := range s.Malformed {
		out = append(out, warning(err.Error()+": newuidmap passes over this line").advise("correct the line: NAME:FIRST:COUNT"))
	}
	if len(out) > 0 {
		return out
	}
	return []Finding{ok("%s has %d user and %d group ids (%s)", s.Name, uids, gids, where)}
}

func checkIDMap(ctx context.Context, h *Host) []Finding {
	got := h.self(ctx, ProbeVerb, probeIDs)
	if got.err != nil {
		text, hint := got.failure()
		return []Finding{fromError(hinted(text, hint))}
	}
	return []Finding{ok("made and used: %s", strings.TrimSpace(got.stdout))}
}
