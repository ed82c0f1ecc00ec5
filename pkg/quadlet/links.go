package quadlet

import (
	"strings"

	"github.com/rc-containers/rc/pkg/quadlet/unitfile"
)

// Link is a symbolic link that enables a unit, in the directory of the unit.
type Link struct{ Path, Target string }

// links are those that systemctl enable would make for [Install].
func (c *conversion) links() []Link {
	var links []Link
	unit := c.src.Unit()
	for _, e := range c.src.file.Values(installSection, "Alias") {
		for _, alias := range c.split(e, unitfile.List) {
			if !isUnitName(alias) || !strings.HasSuffix(alias, ".service") {
				c.problem(e, "%q is not the name of a service", alias)
				continue
			}
			links = append(links, Link{alias, unit})
		}
	}
	instance := unit
	if c.src.isTemplate() {
		e, ok := c.src.file.Last(installSection, "DefaultInstance")
		if !ok || e.Value == "" {
			return links // for those who make an instance of it
		}
		if instance = instantiate(unit, unquote(e.Value)); !isUnitName(instance) {
			c.problem(e, "not the name of an instance")
			return links
		}
	}
	for _, k := range []struct{ key, suffix string }{{"WantedBy", ".wants/"}, {"RequiredBy", ".requires/"}, {"UpheldBy", ".upholds/"}} {
		for _, e := range c.src.file.Values(installSection, k.key) {
			for _, by := range c.split(e, unitfile.List) {
				if other := kindOf(by); other != nil {
					if u, ok := c.unitOf(e, by); ok {
						by = u
					}
				}
				if !isUnitName(by) {
					c.problem(e, "%q is not the name of a unit", by)
					continue
				}
				links = append(links, Link{by + k.suffix + instance, "../" + unit})
			}
		}
	}
	return links
}
