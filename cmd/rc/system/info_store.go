package system

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/machine"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/state"
)

// storeFacts are about the directories and what is in them.
func storeFacts(cfg *config.Config) storeInfo {
	info := storeInfo{
		ConfigFile:      strings.Join(cfg.Files, " "),
		GraphDriverName: cfg.StorageDriver,
		GraphRoot:       cfg.StorageRoot(),
		GraphOptions:    map[string]string{},
		GraphStatus:     map[string]string{},
		ImageCopyTmpDir: cfg.TmpDir,
		RunRoot:         cfg.RunRoot,
		ContainerStore:  countContainers(cfg),
	}
	if ix, err := index.Read(cfg); err == nil {
		if images, err := ix.All(); err == nil {
			info.ImageStore.Number = len(images)
		}
	}
	dir := machine.Existing(cfg.DataRoot)
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) == nil {
		info.GraphRootAllocated = st.Blocks * uint64(st.Bsize)
		info.GraphRootUsed = (st.Blocks - st.Bfree) * uint64(st.Bsize)
		info.GraphStatus["Backing Filesystem"] = machine.FileSystem(st.Type)
	}
	choice, err := overlay.Choose(cfg.MountProgram, dir)
	if err != nil {
		info.MountProgram = mountProgramInfo{Name: cfg.MountProgram, Reason: err.Error()}
		return info
	}
	info.MountProgram = mountProgramInfo{Name: choice.Program, Reason: choice.Reason}
	native := "false"
	if choice.Program == overlay.Native {
		native = "true"
	}
	info.GraphStatus["Native Overlay Diff"] = native
	return info
}

func countContainers(cfg *config.Config) containerCount {
	root := state.Root{Data: cfg.DataRoot, Run: cfg.RunRoot}
	entries, _ := root.List() // a broken record is told by ps
	count := containerCount{Number: len(entries)}
	for _, entry := range entries {
		switch entry.Status {
		case "running":
			count.Running++
		case "paused":
			count.Paused++
		default:
			count.Stopped++
		}
	}
	return count
}
