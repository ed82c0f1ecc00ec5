package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// Owner is a user and a group by number.
type Owner struct{ UID, GID uint32 }

// maxAccounts limits /etc/passwd and /etc/group of an image, in bytes.
const maxAccounts = 10 << 20

// LookUpOwner finds the numbers that user[:group] stands for in the account files of layers, the topmost first. A group that
// is left out is the user's own in /etc/passwd, or the user's number.
func LookUpOwner(lower []string, value string) (Owner, error) {
	src, err := OpenLayers("the image", lower, nil)
	if err != nil {
		return Owner{}, err
	}
	defer src.Close()
	return src.owner(value)
}

func (s *Source) owner(value string) (Owner, error) {
	user, group, _ := strings.Cut(value, ":")
	var o Owner
	if id, ok := number(user); ok {
		o = Owner{id, id}
	} else {
		fields, err := s.account("etc/passwd", user, 4)
		if err != nil {
			return o, fmt.Errorf("user %q: %w", user, err)
		}
		uid, err1 := strconv.ParseUint(fields[2], 10, 31)
		gid, err2 := strconv.ParseUint(fields[3], 10, 31)
		if err1 != nil || err2 != nil {
			return o, errs.Invalidf("user %q: its line in the image's /etc/passwd has no numbers", user)
		}
		o = Owner{uint32(uid), uint32(gid)}
	}
	if group == "" {
		return o, nil
	}
	if id, ok := number(group); ok {
		o.GID = id
		return o, nil
	}
	fields, err := s.account("etc/group", group, 3)
	if err != nil {
		return o, fmt.Errorf("group %q: %w", group, err)
	}
	gid, err := strconv.ParseUint(fields[2], 10, 31)
	if err != nil {
		return o, errs.Invalidf("group %q: its line in the image's /etc/group has no number", group)
	}
	o.GID = uint32(gid)
	return o, nil
}

// number reads an id; root is one by any name.
func number(name string) (uint32, bool) {
	if name == "root" {
		return 0, true
	}
	id, err := strconv.ParseUint(name, 10, 31)
	return uint32(id), err == nil
}

func isName(name string) bool {
	_, isNumber := number(name)
	return name != "" && !isNumber
}

// account finds a line of an account file by its first field.
func (s *Source) account(file, name string, fields int) ([]string, error) {
	data, err := s.read(file, maxAccounts)
	if errors.Is(err, errNoFile) {
		return nil, fmt.Errorf("%w: the image has no /%s", errs.ErrNotFound, file)
	}
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(data) {
		parts := strings.Split(strings.TrimSpace(string(line)), ":")
		if parts[0] == name && len(parts) >= fields {
			return parts, nil
		}
	}
	return nil, fmt.Errorf("%w: the image's /%s does not have it", errs.ErrNotFound, file)
}

// read reads a small file.
func (s *Source) read(name string, limit int64) ([]byte, error) {
	f, err := s.find(name)
	if err != nil {
		return nil, err
	}
	defer f.close()
	if f.it.kind() != unix.S_IFREG || f.it.st.Size > limit {
		return nil, errs.Invalidf("read %q: it is not a file, or has more than %d bytes", name, limit)
	}
	r, err := f.dir().open(f.it.name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(int(r))
	return io.ReadAll(io.LimitReader(r, limit))
}
