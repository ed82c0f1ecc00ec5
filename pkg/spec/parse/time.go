package parse

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Time reads a moment as --since and --until take it: a duration, counted back from now,
// or forward where ahead is set (podman's meaning of --until); seconds since 1970, perhaps with
// a fraction; or a date, with a time of day or not, which is local unless it says otherwise.
func Time(value string, now time.Time, ahead bool) (time.Time, error) {
	if d, err := time.ParseDuration(value); err == nil && value != "0" {
		if !ahead {
			d = -d
		}
		return now.Add(d), nil
	}
	if t, ok := parseUnix(value); ok {
		return t, nil
	}
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02T15:04Z07:00",
		"2006-01-02 15:04:05.999999999 -0700 MST", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "2006-01-02Z07:00",
	} {
		if t, err := time.ParseInLocation(layout, value, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, Invalid(value, "want a duration (10m, 1h30m), a Unix time, or a date (2006-01-02T15:04:05, with Z or +01:00 at its end where it is not local)")
}

// parseUnix reads SECONDS[.FRACTION].
func parseUnix(value string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(value, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	// Past this, time.Time cannot be written as a date any more.
	if err != nil || seconds < math.MinInt32 || seconds > 1<<37 || len(fraction) > 9 {
		return time.Time{}, false
	}
	nanos, err := strconv.ParseUint(fraction+strings.Repeat("0", 9-len(fraction)), 10, 64)
	return time.Unix(seconds, int64(nanos)), err == nil
}
