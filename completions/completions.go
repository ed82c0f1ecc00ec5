// Package completions has the completion scripts of the shells, for rc completion to print.
package completions

import _ "embed" // the scripts

// The scripts are our own: cobra's execute the words of the line by eval, know no open quote (as in
// --format '{{.Na), and that for bash needs a package that is often missing.
var (
	//go:embed rc.bash
	bash string
	//go:embed rc.zsh
	zsh string
	//go:embed rc.fish
	fish string
)

// Script is "" for a shell that rc knows nothing of.
func Script(shell string) string {
	return map[string]string{"bash": bash, "zsh": zsh, "fish": fish}[shell]
}
