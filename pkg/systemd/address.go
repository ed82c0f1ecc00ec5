package systemd

import (
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// systemBus is where the manager of the whole system listens, which serves root.
const systemBus = "/run/dbus/system_bus_socket"

// sockets lists where a user's bus may be, best first, in the form that net.Dial takes ("@name" is
// an abstract socket). After su, the environment still names the bus of the user before: it lets
// nobody else in, and the next one is tried.
func sockets(uid int) []string {
	list := parseAddress(os.Getenv("DBUS_SESSION_BUS_ADDRESS"), os.Getenv("XDG_RUNTIME_DIR"))
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		list = append(list, dir+"/bus")
	}
	list = append(list, "/run/user/"+strconv.Itoa(uid)+"/bus")
	if uid == 0 {
		list = append(list, systemBus)
	}
	var unique []string
	for _, s := range list {
		if !slices.Contains(unique, s) {
			unique = append(unique, s)
		}
	}
	return unique
}

// parseAddress picks the unix sockets out of a server address list (D-Bus specification, "Server
// Addresses"): "unix:path=/run/user/1000/bus,guid=…;unix:abstract=…". Other transports are left
// out: tcp has no peer credentials, and unixexec and autolaunch would start programs.
func parseAddress(list, runtimeDir string) []string {
	var found []string
	for address := range strings.SplitSeq(list, ";") {
		rest, ok := strings.CutPrefix(address, "unix:")
		if !ok {
			continue
		}
		for pair := range strings.SplitSeq(rest, ",") {
			key, value, _ := strings.Cut(pair, "=")
			// The specification's escapes are those of URLs, without "+" for a space.
			value, err := url.PathUnescape(value)
			if err != nil || value == "" || strings.ContainsRune(value, 0) {
				continue
			}
			switch {
			case key == "path" && value[0] == '/':
				found = append(found, value)
			case key == "abstract":
				found = append(found, "@"+value)
			case key == "runtime" && value == "yes" && runtimeDir != "":
				found = append(found, runtimeDir+"/bus")
			}
		}
	}
	return found
}
