package bridge

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// Store is where the networks of a user are. Neither directory has to exist.
type Store struct {
	Data string // survives a reboot
	Run  string // does not
	// DefaultName, DefaultSubnet and Pools are containers.conf's; zero values are rc's choice.
	DefaultName   string
	DefaultSubnet netip.Prefix
	Pools         []Pool
}

func (s *Store) dir() string             { return filepath.Join(s.Data, "networks") }
func (s *Store) path(name string) string { return filepath.Join(s.dir(), name+".json") }

// LeaseDir has the leases of a network: a change in it is a change of its modification time.
func (s *Store) LeaseDir(name string) string { return filepath.Join(s.Run, "networks", name) }

// defaultName is podman's where nothing else was said.
func (s *Store) defaultName() string { return cmp.Or(s.DefaultName, "podman") }

// Default is the network that is there without being made.
func (s *Store) Default() Network {
	subnet := s.DefaultSubnet
	if !subnet.IsValid() {
		subnet = netip.MustParsePrefix(defaultSubnetText)
	}
	return Default(s.defaultName(), subnet)
}

// IsDefault says whether a name is the default network's.
func (s *Store) IsDefault(name string) bool { return name == s.defaultName() }

// Names are those of all networks, the default one included, sorted.
func (s *Store) Names() ([]string, error) {
	entries, err := os.ReadDir(s.dir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	names := []string{s.defaultName()}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok && name[0] != '.' && name != s.defaultName() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// List is every network, sorted by name.
func (s *Store) List() ([]Network, error) {
	names, err := s.Names()
	if err != nil {
		return nil, err
	}
	var list []Network
	for _, name := range names {
		n, err := s.load(name)
		if errors.Is(err, errs.ErrNotFound) {
			continue // it has just been removed
		}
		if err != nil {
			return nil, err
		}
		list = append(list, *n)
	}
	return list, nil
}

func (s *Store) load(name string) (*Network, error) {
	data, err := os.ReadFile(s.path(name))
	if errors.Is(err, fs.ErrNotExist) && s.IsDefault(name) {
		n := s.Default()
		return &n, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("network %q: %w", name, errs.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	var n Network
	if err := json.Unmarshal(data, &n); err != nil {
		return nil, errs.WithHint(fmt.Errorf("network %q: read %q: %w", name, s.path(name), err), "rc network rm --force "+name)
	}
	n.Name = name
	return &n, nil
}

// Find is a network by name, id or the beginning of an id. "" is the default network, and so is docker's
// name for it.
func (s *Store) Find(nameOrID string) (*Network, error) {
	if nameOrID == "" || nameOrID == spec.NetworkBridge {
		nameOrID = s.defaultName()
	}
	if strings.ContainsRune(nameOrID, '/') {
		return nil, fmt.Errorf("network %q: %w", nameOrID, errs.ErrNotFound)
	}
	n, err := s.load(nameOrID)
	if !errors.Is(err, errs.ErrNotFound) {
		return n, err
	}
	all, listErr := s.List()
	if listErr != nil {
		return nil, listErr
	}
	var found *Network
	for i := range all {
		if !strings.HasPrefix(all[i].ID, nameOrID) {
			continue
		}
		if found != nil {
			return nil, errs.Invalidf("network %q: more than one id begins so", nameOrID)
		}
		found = &all[i]
	}
	if found == nil {
		names := spec.NetworkModes()
		if slices.Contains(names, nameOrID) {
			return nil, fmt.Errorf("network %q: %w: to --network this word is a mode, with nothing to manage", nameOrID, errs.ErrNotFound)
		}
		for _, n := range all {
			names = append(names, n.Name)
		}
		return nil, errs.WithHint(spec.NotFound("network", nameOrID, names), "rc network create "+nameOrID)
	}
	return found, nil
}

// lock is held by whoever makes, changes or removes networks.
func (s *Store) lock() (*os.File, error) {
	if err := os.MkdirAll(s.dir(), 0o700); err != nil {
		return nil, err
	}
	return lockFile(filepath.Join(s.dir(), "lock"))
}

// lockFile waits for the lock of a file, which is made where it is not there. Closing the file
// gives the lock back.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %q: %w", path, err), f.Close())
		}
	}
}

// Create puts a network on record, with what was left open filled in: id, time, bridge name,
// subnets. taken are the host's networks. errs.ErrExists says that the name is taken.
func (s *Store) Create(n *Network, taken []netip.Prefix) error {
	lock, err := s.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	all, err := s.List()
	if err != nil {
		return err
	}
	if n.Name == "" {
		n.Name = freeName(all)
	}
	if slices.ContainsFunc(all, func(o Network) bool { return o.Name == n.Name }) {
		return fmt.Errorf("network %q: %w", n.Name, errs.ErrExists)
	}
	if err := s.complete(n, all, taken); err != nil {
		return err
	}
	var id [32]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	n.ID, n.Created = hex.EncodeToString(id[:]), time.Now()
	return s.write(n)
}

// freeName is podman's for a network that got none.
func freeName(all []Network) string {
	for i := 1; ; i++ {
		name := "podman" + strconv.Itoa(i)
		if !slices.ContainsFunc(all, func(o Network) bool { return o.Name == name }) {
			return name
		}
	}
}

// complete chooses the bridge's name and the subnets.
func (s *Store) complete(n *Network, all []Network, taken []netip.Prefix) error {
	used := func(name string) bool {
		return name == defaultInterface || slices.ContainsFunc(all, func(o Network) bool { return o.NetworkInterface == name })
	}
	if n.NetworkInterface != "" && used(n.NetworkInterface) {
		return fmt.Errorf("network %q: interface %q: %w by another network", n.Name, n.NetworkInterface, errs.ErrInUse)
	}
	for i := 1; n.NetworkInterface == ""; i++ {
		if name := "rc" + strconv.Itoa(i); !used(name) {
			n.NetworkInterface = name
		}
	}
	return chooseSubnets(n, s.Pools, all, taken)
}

func (s *Store) write(n *Network) error {
	data, err := json.MarshalIndent(n, "", "     ")
	if err != nil {
		return err
	}
	if err := linux.ReplaceFile(s.path(n.Name), append(data, '\n')); err != nil {
		return fmt.Errorf("write network %q: %w", n.Name, err)
	}
	return nil
}

// Update changes a network's record.
func (s *Store) Update(name string, change func(*Network) error) (*Network, error) {
	lock, err := s.lock()
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	n, err := s.Find(name)
	if err != nil {
		return nil, err
	}
	if err := change(n); err != nil {
		return nil, err
	}
	return n, s.write(n)
}

// Remove takes a network off the record, and what is left of leases on it. The default network
// comes back as it was at first.
func (s *Store) Remove(name string) error {
	lock, err := s.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	if s.IsDefault(name) {
		return errs.Invalidf("network %q: the default network cannot be removed", name)
	}
	if err := os.Remove(s.path(name)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("network %q: %w", name, errs.ErrNotFound)
		}
		return err
	}
	return errors.Join(os.RemoveAll(s.LeaseDir(name)), os.RemoveAll(s.LeaseDir(name)+".lock"))
}
