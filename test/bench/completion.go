package main

import (
	"context"
	"fmt"
	"time"
)

// tableCompletion is what a tab key waits for, with 1,000 containers and 200 images.
func tableCompletion(ctx context.Context, g *ground, o options) table {
	const containers, limit = 1000, 30 * time.Millisecond
	err := g.rcErr
	if err == nil {
		err = g.stoppedRC(ctx, containers)
	}
	if err == nil {
		_, err = g.importMany(ctx, func(args ...string) []string { return g.rcArgs(args...) }, "tab", time.Hour)
	}
	defer func() {
		ctx := context.WithoutCancel(ctx)
		_, _ = g.output(ctx, g.rcArgs("rm", "-fa"))
		_, _ = g.output(ctx, g.rcArgs(append([]string{"rmi", "-f"}, namesOf("tab", manyNames)...)...))
	}()
	var contenders []contender
	var bounds []bound
	for _, line := range []struct {
		what  string
		words []string
	}{
		{fmt.Sprintf("rc start TAB, %d containers", containers), []string{"start", ""}},
		{"rc stop TAB, none of them runs", []string{"stop", ""}},
		{fmt.Sprintf("rc run TAB, %d images", manyNames), []string{"run", ""}},
		{"rc ps --filter label=TAB", []string{"ps", "--filter", "label="}},
		{"rc run --n TAB", []string{"run", "--n"}},
	} {
		contenders = append(contenders, contender{Name: line.what, Args: g.rcArgs(append([]string{"__complete"}, line.words...)...)}.skipped(err))
		bounds = append(bounds, bound{
			Name: line.what, Text: fmt.Sprintf("≤ %d ms", limit.Milliseconds()),
			Limit: func(func(string) time.Duration) time.Duration { return limit },
		})
	}
	peers := peer("podman run TAB, its images", podmanArgs("__complete", "run", "")...).skipped(g.podmanErr)
	return times("Completion", contenders[0].Name, race(ctx, g.env, brisk(o.runs, settle), append(contenders, peers)), bounds)
}
