package store

import (
	"fmt"

	"github.com/rc-containers/rc/pkg/build/steps"
)

// builds finds build steps whose layers lack something: they are forgotten, and done again by the next build. What
// others name, or builds rely on, is used.
func (c *checker) builds() error {
	pinned, err := steps.Pinned(c.store.cfg)
	if err != nil {
		return err
	}
	for id := range pinned {
		c.chain(id)
	}
	records, err := steps.All(c.store.cfg)
	if err != nil {
		return err
	}
	for _, r := range records {
		if problem := c.chain(r.Layer); problem != "" {
			c.found = append(c.found, Damage{
				Object: fmt.Sprintf("build step %.12s", r.Key), Problem: problem,
				Mend: func() error { return steps.Forget(c.store.cfg, r.Key) },
			})
		}
	}
	return nil
}

// chain says what is wrong with a layer and those below it, all of which are used.
func (c *checker) chain(id string) (problem string) {
	for n := 0; id != "" && n <= len(c.layers); n++ {
		l := c.layers[id]
		if l == nil {
			return fmt.Sprintf("layer %.12s is not there", id)
		}
		c.used[id] = true
		if verdict := c.layer(l); verdict != "" && problem == "" {
			problem = fmt.Sprintf("layer %.12s %s", id, verdict)
		}
		id = l.Parent
	}
	return problem
}
