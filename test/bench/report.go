package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// table is a part of the report.
type table struct {
	Title string
	Head  []string
	Rows  [][]string
	Notes []string
	// Missed counts the limits that do not hold.
	Missed int
}

// write prints the table in Markdown and returns how many limits were missed.
func (t *table) write(w io.Writer) int {
	fmt.Fprintf(w, "### %s\n\n", t.Title)
	width := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	line := func(cells []string) {
		for i, cell := range cells {
			fmt.Fprintf(w, "| %s%s ", cell, strings.Repeat(" ", width[i]-len([]rune(cell))))
		}
		fmt.Fprintln(w, "|")
	}
	line(t.Head)
	rule := make([]string, len(t.Head))
	for i := range rule {
		rule[i] = strings.Repeat("-", width[i])
	}
	line(rule)
	for _, row := range t.Rows {
		line(row)
	}
	for _, note := range t.Notes {
		fmt.Fprintf(w, "\n%s\n", note)
	}
	fmt.Fprintln(w)
	return t.Missed
}

// verdict is the cell that says whether a limit holds.
func (t *table) verdict(holds bool) string {
	if holds {
		return "holds"
	}
	t.Missed++
	return "MISSED"
}

// bound is a limit: rc's median is to be at most Limit(medians of the table), described by Text.
type bound struct {
	Name  string
	Needs []string
	Limit func(median func(string) time.Duration) time.Duration
	Text  string
}

// times makes a table of results: ratios are of medians and of minima, against base. Limits
// are of medians.
func times(title, base string, results []result, bounds []bound) table {
	t := table{Title: title, Head: []string{"what", "runs", "min ms", "median ms", "ratio", "of minima", "limit", ""}}
	byName := map[string]*result{}
	for i := range results {
		byName[results[i].Name] = &results[i]
	}
	median := func(name string) time.Duration {
		if r := byName[name]; r.ok() {
			return r.median()
		}
		return 0
	}
	for i := range results {
		r := &results[i]
		if !r.ok() {
			t.Rows = append(t.Rows, []string{r.Name, "-", "-", "-", "-", "-", "", "skipped"})
			t.Notes = append(t.Notes, r.Name+": "+reason(r))
			if r.Failed != "" {
				t.Rows[i][7] = "FAILED"
				t.Missed++
			}
			continue
		}
		ratio, ofMinima := "-", "-"
		if b := byName[base]; b.ok() {
			ratio = fmt.Sprintf("%.2f", float64(r.median())/float64(b.median()))
			ofMinima = fmt.Sprintf("%.2f", float64(r.min())/float64(b.min()))
		}
		row := []string{r.Name, strconv.Itoa(len(r.Samples)), ms(r.min()), ms(r.median()), ratio, ofMinima, "", ""}
		for _, b := range bounds {
			if b.Name != r.Name {
				continue
			}
			row[6], row[7] = joined(row[6], b.Text), joined(row[7], t.check(b, byName, median))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (t *table) check(b bound, byName map[string]*result, median func(string) time.Duration) string {
	for _, name := range b.Needs {
		if !byName[name].ok() {
			return "not checked"
		}
	}
	return t.verdict(median(b.Name) <= b.Limit(median))
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

func reason(r *result) string {
	switch {
	case r.Failed != "":
		return "failed: " + r.Failed
	case r.Skip != "":
		return "skipped: " + r.Skip
	default:
		return "no sample"
	}
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)) }

// atMost is a limit of factor × other's median.
func atMost(name string, factor float64, other string) bound {
	return bound{
		Name: name, Needs: []string{other}, Text: fmt.Sprintf("≤ %g × %s", factor, short(other)),
		Limit: func(median func(string) time.Duration) time.Duration {
			return time.Duration(factor * float64(median(other)))
		},
	}
}

// within is a limit in milliseconds. It was set on a machine on which other took that long, then;
// one on which other takes longer is slower, and rc has that much more time.
func within(name string, limit time.Duration, other string, then time.Duration) bound {
	return bound{
		Name: name, Text: fmt.Sprintf("≤ %d ms where %s takes %d", limit.Milliseconds(), short(other), then.Milliseconds()),
		Limit: func(median func(string) time.Duration) time.Duration {
			return max(limit, time.Duration(float64(limit)*float64(median(other))/float64(then)))
		},
	}
}

// fasterThan is a limit of other's median ÷ factor.
func fasterThan(name string, factor float64, other string) bound {
	b := atMost(name, 1/factor, other)
	b.Text = fmt.Sprintf("≥ %g × faster than %s", factor, short(other))
	return b
}

// short is a contender's name up to the first comma.
func short(name string) string {
	name, _, _ = strings.Cut(name, ",")
	return name
}

func tablePlain(results []result) table {
	return times("`true` in Alpine, no network, no cgroup", nameCrun, results, []bound{
		atMost(nameDisabled, 1.5, nameCrun),
		fasterThan(nameDisabled, 10, namePodman),
		atMost(nameFuse, 2.5, nameCrun),
	})
}

func tableUnit(results []result) table {
	return times("In a unit with Delegate=yes", nameCrun, results, []bound{atMost(nameDelegated, 1.5, nameCrun)})
}

func tableSession(results []result) table {
	return times("From a login session: systemd moves the process", nameDisabled, results, []bound{
		{
			Name: nameSession, Needs: []string{nameDisabled, nameScope}, Text: "≤ disabled + bare StartTransientUnit",
			Limit: func(median func(string) time.Duration) time.Duration { return median(nameDisabled) + median(nameScope) },
		},
		fasterThan(nameSession, 4, namePodmanUnit),
	})
}

func tableCold(results []result) table {
	return times("First run after boot", nameWarm, results, []bound{atMost(nameCold, 2, nameWarm)})
}
