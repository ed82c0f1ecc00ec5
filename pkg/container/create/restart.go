package create

// restart refuses policies that bring back what is to be removed.
func (d *draft) restart() error { return CheckRestart(d.opts.Restart, d.opts.Remove) }
