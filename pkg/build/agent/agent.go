// Package agent is the program rc-image called with the word "agent": it holds the private keys that rc build --ssh ID=KEY names, in
// memory, and signs with them as ssh-agent(1) does. Package build/runner is the other side: it starts the program, and lets containers
// of the build ask for signatures and nothing else.
//
//	rc build                              rc-image agent KEY…
//	  |<----- length, text ---------------|  "" for keys that could be read, else what is wrong
//	  | request ------------------------->|  the agent's protocol, one request after the other
//	  |<---------------------- answer ----|
//	  | end of the stream --------------->|  ends
package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/rc-containers/rc/pkg/errs"
)

// sockFD is where rc build is.
const sockFD = 3

// Main is the whole program; paths are those of the keys.
func Main(paths []string) int {
	sock := os.NewFile(sockFD, "rc")
	keys, err := load(paths)
	text := ""
	if err != nil {
		text = err.Error()
	}
	message := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	if _, failed := sock.Write(append(message, text...)); err != nil || failed != nil {
		return errs.CodeError
	}
	if err := agent.ServeAgent(keys, sock); !errors.Is(err, io.EOF) {
		return errs.CodeError
	}
	return 0
}

// load reads keys. Nobody is there who could be asked for a passphrase.
func load(paths []string) (agent.Agent, error) {
	keys := agent.NewKeyring()
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		key, err := ssh.ParseRawPrivateKey(data)
		if _, encrypted := errors.AsType[*ssh.PassphraseMissingError](err); encrypted {
			return nil, fmt.Errorf("%q needs a passphrase: add it to an agent (ssh-add), and use that", path)
		}
		if err == nil {
			err = keys.Add(agent.AddedKey{PrivateKey: key})
		}
		if err != nil {
			return nil, fmt.Errorf("%q is no private key: %w", path, err)
		}
	}
	return keys, nil
}
