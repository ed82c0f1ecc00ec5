package parse

import (
	"errors"
	"testing"
	"time"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	local := func(nanos int, date ...int) time.Time {
		return time.Date(date[0], time.Month(date[1]), date[2], date[3], date[4], date[5], nanos, time.Local)
	}
	for _, c := range []struct {
		value string
		ahead bool
		want  time.Time
	}{
		{"10m", false, now.Add(-10 * time.Minute)},
		{"10m", true, now.Add(10 * time.Minute)},
		{"-1h30m", true, now.Add(-90 * time.Minute)},
		{"0s", true, now},
		{"0", false, time.Unix(0, 0)},
		{"1136073600", false, time.Unix(1136073600, 0)},
		{"1136073600.000000001", true, time.Unix(1136073600, 1)},
		{"1136073600.5", true, time.Unix(1136073600, 5e8)},
		{"2026-01-02T03:04:05Z", false, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		{"2026-01-02T03:04:05.000000006+01:00", false, time.Date(2026, 1, 2, 2, 4, 5, 6, time.UTC)},
		{"2026-01-02T03:04:05", false, local(0, 2026, 1, 2, 3, 4, 5)},
		{"2026-01-02T03:04:05.25", false, local(25e7, 2026, 1, 2, 3, 4, 5)},
		{"2026-01-02 03:04", false, local(0, 2026, 1, 2, 3, 4, 0)},
		{"2026-01-02", false, local(0, 2026, 1, 2, 0, 0, 0)},
		{"2026-11-25 22:31:05.123456789 +0000 UTC", false, time.Date(2026, 11, 25, 22, 31, 5, 123456789, time.UTC)},
	} {
		if got, err := Time(c.value, now, c.ahead); err != nil || !got.Equal(c.want) {
			t.Errorf("%q: %v %v, want %v", c.value, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "yesterday", "1e3", "2026-13-01", "1136073600.0000000001", "1.x", "99999999999999", "10 m"} {
		if got, err := Time(bad, now, false); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v %v", bad, got, err)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"10m", "1136073600.5", "2026-01-02T03:04:05.000000006+01:00", "2026-01-02 03:04", "-1.5h", "1.-5"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, ahead bool) {
		if _, err := Time(s, time.Unix(1e9, 0), ahead); err != nil && !errors.Is(err, errs.ErrInvalid) {
			t.Error(err)
		}
	})
}
