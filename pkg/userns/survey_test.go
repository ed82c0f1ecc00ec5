package userns

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSurvey(t *testing.T) {
	for _, c := range []struct {
		what, uids, gids string
		want             []string
	}{
		{"nothing", "", "", nil},
		{"by name and number", "alice:100000:65536\n1000:300000:5\n", "alice:100000:65536\n", []string{"uids 100000-165535", "uids 300000-300004", "gids 100000-165535"}},
		{
			"another's", "bob:165535:10\nalice:100000:65536\n", "alice:100000:65536\n#bob:100000:5\n",
			[]string{"uids 100000-165535", "gids 100000-165535", "overlap 100000-165535 false bob's 165535-165544 (SUBUID:1)"},
		},
		{
			"touching is none", "bob:165536:10\nalice:100000:65536\ncarol:99990:10\n", "alice:100000:65536\n",
			[]string{"uids 100000-165535", "gids 100000-165535"},
		},
		{
			"accounts", "alice:1001:1\n", "alice:100:10\n",
			[]string{"uids 1001-1001", "gids 100-109", `overlap 1001-1001 false the user "bob", who has the id 1001 (PASSWD)`, `overlap 100-109 true the group "users", who has the id 100 (GROUP)`},
		},
		{"malformed", "alice:x:10\nalice:100000:10\nbob::\n", "1000:5\n", []string{"uids 100000-100009", `malformed SUBUID:1: "alice:x:10": "x" is no first id`, `malformed SUBGID:1: "1000:5": want user:first:count`}},
	} {
		s := fake(t, map[string]string{"subuid": c.uids, "subgid": c.gids, "passwd": passwd, "group": "users:x:100:\nbroken\n"})
		survey, err := s.survey(t.Context(), 1000)
		if err != nil {
			t.Fatal(c.what, err)
		}
		var got []string
		for _, r := range survey.UIDs {
			got = append(got, "uids "+r.String())
		}
		for _, r := range survey.GIDs {
			got = append(got, "gids "+r.String())
		}
		for _, o := range survey.Overlaps {
			got = append(got, fmt.Sprintf("overlap %s %v %s", o.Mine, o.Groups, o.With))
		}
		for _, err := range survey.Malformed {
			got = append(got, "malformed "+err.Error())
		}
		names := strings.NewReplacer(s.subuid, "SUBUID", s.subgid, "SUBGID", s.passwd, "PASSWD", s.group, "GROUP")
		for i := range got {
			got[i] = names.Replace(got[i])
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
		if survey.Name != "alice" || survey.NSS {
			t.Errorf("%s: %+v", c.what, survey)
		}
	}
}
