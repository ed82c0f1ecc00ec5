package dockerfile

import (
	"errors"
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
)

// TestErrors: what is wrong is said with its place and, where there is one, the nearest valid word.
func TestErrors(t *testing.T) {
	const from = "FROM scratch\n"
	cases := []struct{ name, file, want string }{
		{"empty", "", "F: the Dockerfile is empty: it needs at least a FROM"},
		{"spaces", " \n\n", "F: the Dockerfile is empty: it needs at least a FROM"},
		{"comments", "# nothing\n", `F:1: file with no instructions, in "# nothing"`},
		{"no FROM", "ARG A=1\n", "F: no FROM: there is no stage to build"},
		{"before FROM", "RUN make\n" + from, `F:1: no build stage in current context, in "RUN make"`},
		{"instruction", from + "CPOY a b\n", `F:2:1: unknown instruction: CPOY (did you mean COPY?), in "CPOY a b"`},
		{"indented", from + "  cpoy a b\n", `F:2:3: unknown instruction: cpoy (did you mean copy?), in "cpoy a b"`},
		{"unknown instruction", from + "INCLUDE a\n", `F:2:1: unknown instruction: INCLUDE, in "INCLUDE a"`},
		{"flag", from + "COPY --chwon=1 a b\n", `F:2:6: unknown flag: --chwon (did you mean --chown?), in "COPY --chwon=1 a b"`},
		{"flag of the next line", from + "COPY --link \\\n  --chomd=1 a b\n", `F:3:3: unknown flag: --chomd (did you mean --chmod?), in "--chomd=1 a b"`},
		{"flag value", from + "COPY --from a b\n", `F:2:6: missing a value on flag: --from, in "COPY --from a b"`},
		{"flag bool", from + "COPY --link=maybe a b\n", `F:2:13: expecting boolean value for flag --link, not: maybe, in "COPY --link=maybe a b"`},
		{"flag twice", from + "COPY --chown=1 --chown=2 a b\n", `F:2:6: duplicate flag specified: --chown, in "COPY --chown=1 --chown=2 a b"`},
		{"COPY alone", from + "COPY a\n", `F:2: COPY requires at least two arguments, but only one was provided. Destination could not be determined, in "COPY a"`},
		{"here-document", from + "COPY <<EOF /a\nb\n", `F:2: unterminated heredoc, in "COPY <<EOF /a"`},
		{"mount type", from + "RUN --mount=type=cahce,target=/a b\n", `F:2:18: unsupported mount type "cahce" (did you mean cache?), in "RUN --mount=type=cahce,target=/a b"`},
		{"mount key", from + "RUN --mount=type=bind,tagret=/a b\n", `F:2:23: unexpected key 'tagret' in 'tagret=/a' (did you mean target?), in "RUN --mount=type=bind,tagret=/a b"`},
		{"mount root", from + "RUN --mount=type=tmpfs,target=/ b\n", `F:2:31: --mount: target "/" is the container's root, in "RUN --mount=type=tmpfs,target=/ b"`},
		{"mount env", from + "RUN --mount=type=tmpfs,target=/a,env=B b\n", `F:2: --mount: env is for secrets, not for tmpfs, in "RUN --mount=type=tmpfs,target=/a,env=B b"`},
		{"ssh source", from + "RUN --mount=type=ssh,source=/a b\n", `F:2: --mount: ssh has no source: it is the socket of the agent that id names, in "RUN --mount=type=ssh,source=/a b"`},
		{"secret without id", from + "RUN --mount=type=secret b\n", `F:2: invalid secret mount. one of source, target required, in "RUN --mount=type=secret b"`},
		{"mount variable", from + "RUN --mount=from=$A,target=/a b\n", `F:2:13: 'from' doesn't support variable expansion, define alias stage instead, in "RUN --mount=from=$A,target=/a b"`},
		{"network", from + "RUN --network=hots a\n", `F:2:15: invalid network mode "hots" (did you mean host?), in "RUN --network=hots a"`},
		{"network unlike any", from + "RUN --network=bridge a\n", `F:2:15: invalid network mode "bridge": want default, none, host, in "RUN --network=bridge a"`},
		{"security", from + "RUN --security=insecur a\n", `F:2:16: security "insecur" is not valid (did you mean insecure?), in "RUN --security=insecur a"`},
		{"healthcheck", from + "HEALTHCHECK CDM a\n", `F:2:13: Unknown type "CDM" in HEALTHCHECK (try CMD), in "HEALTHCHECK CDM a"`},
		{"signal", from + "STOPSIGNAL SIGFOO\n", `F:2:12: signal "SIGFOO": unknown; want a name as in kill -l, or a number, in "STOPSIGNAL SIGFOO"`},
		{"expansion", from + "ENV A=${B\n", `F:2:7: failed to process "${B": missing '}', in "ENV A=${B"`},
		{"doubled", from + "ENV A=0123456789\n" + strings.Repeat("ENV A=$A$A\n", 30), `F:16:5: variable "A" is longer than 131072 bytes: no process can have it, in "ENV A=$A$A"`},
		{"required", from + "ENV A=${B:?set}\n", `F:2:7: failed to process "${B:?set}": B: set, in "ENV A=${B:?set}"`},
		{"port", from + "EXPOSE 80/tpc\n", `F:2:8: port "80/tpc": protocol "tpc" (did you mean tcp?), in "EXPOSE 80/tpc"`},
		{"port number", from + "EXPOSE 65536\n", `F:2:8: port "65536": "65536" is not a number from 0 to 65535, in "EXPOSE 65536"`},
		{"port range", from + "EXPOSE 9-8\n", `F:2:8: port "9-8": range 9-8 ends before it begins, in "EXPOSE 9-8"`},
		{"chmod", from + "COPY --chmod=999 a b\n", `F:2:14: --chmod "999": want an octal number from 0 to 7777, or changes such as u+x,go-w, in "COPY --chmod=999 a b"`},
		{"COPY URL", from + "COPY https://a/b /\n", `F:2: https://a/b: COPY reads files of the context: ADD reads URLs, in "COPY https://a/b /"`},
		{"COPY git", from + "COPY https://a/b.git /\n", `F:2: https://a/b.git: COPY reads files of the context: ADD reads git repositories, in "COPY https://a/b.git /"`},
		{"link by name", from + "COPY --link --chown=me a b\n", `F:2: --chown=me: a layer that is linked knows no names of users: want numbers, in "COPY --link --chown=me a b"`},
		{"checksum of a file", from + "ADD --checksum=sha256:1 a b\n", `F:2:25: --checksum is for URLs and git repositories: "a" is a file of the context, in "ADD --checksum=sha256:1 a b"`},
		{"stage name", "FROM scratch AS 1a\n", `F:1:17: invalid name for build stage: "1a", name can't start with a number or contain symbols, in "FROM scratch AS 1a"`},
		{"FROM words", "FROM a b\n", `F:1: FROM requires either one or three arguments, in "FROM a b"`},
		{"FROM empty", "FROM $A\n", `F:1:6: the name of the base is empty: $A, in "FROM $A"`},
		{"platform", "FROM --platform=linux/ scratch\n", `F:1:17: --platform: "linux/": want OS/ARCH[/VARIANT] such as linux/arm64, in "FROM --platform=linux/ scratch"`},
		{"platform empty", "FROM --platform=$TARGETPLATFROM scratch\n", `F:1: --platform=$TARGETPLATFROM is empty (did you mean TARGETPLATFORM?), in "FROM --platform=$TARGETPLATFROM scratch"`},
		{"itself", "FROM scratch AS a\nCOPY --from=a b c\n", `F:2:13: --from: stage "a" cannot copy from itself, in "COPY --from=a b c"`},
		{"itself by number", from + "COPY --from=0 b c\n", `F:2:13: --from: stage "0" cannot copy from itself, in "COPY --from=0 b c"`},
		{"later", "FROM scratch AS a\nCOPY --from=b c d\nFROM scratch AS b\nCOPY --from=a e f\n", `F:2:13: --from: stage "b" comes after "a": it must be defined before it is copied from, in "COPY --from=b c d"`},
		{"no such number", from + "COPY --from=3 b c\n", `F:2:13: --from: there is no stage "3": stages are numbered from 0 to 0, in "COPY --from=3 b c"`},
		{"variable", from + "COPY --from=$A b c\n", `F:2:13: --from: "$A" has a variable, and none is expanded here: give a stage "FROM $A" a name, and use that, in "COPY --from=$A b c"`},
		{"directive twice", "# escape=`\n# escape=\\\n" + from, "F:1: only one escape parser directive can be used, in \"# escape=`\""},
		{"escape", "# escape=x\n" + from, "F: invalid escape token 'x' does not match ` or \\"},
		{"check", "# check=skpi=all\n" + from, `F:1:9: check directive: invalid check option "skpi", in "# check=skpi=all"`},
		{"check is an error", "# check=error=true\n" + from + "MAINTAINER me\n", `F:3: MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label (the check directive makes this an error), in "MAINTAINER me"`},
		{"check of a step", "# check=error=true\n" + from + "CMD true\n", `F:3: JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals (the check directive makes this an error), in "CMD true"`},
		{"trigger", "FROM scratch AS a\nONBUILD FOO a\nFROM a\n", `F:2:9: unknown instruction: FOO, in "ONBUILD FOO a"`},
		{"trigger of trigger", from + "ONBUILD ONBUILD RUN a\n", "F:2: Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed, in \"ONBUILD ONBUILD RUN a\""},
		{"here-document in JSON", from + "VOLUME [\"\"]\n", `F:2: VOLUME specified can not be an empty string, in "VOLUME [\"\"]"`},
		{"CRLF and BOM", "\ufeffFROM scratch\r\nCPOY a b\r\n", `F:2:1: unknown instruction: CPOY (did you mean COPY?), in "CPOY a b"`},
		{"long line", from + "CPOY " + strings.Repeat("é", 200) + "\n", `F:2:1: unknown instruction: CPOY (did you mean COPY?), in "CPOY ` + strings.Repeat("é", 95) + `…"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := through([]byte(c.file), "F")
			if err == nil {
				t.Fatal("no error")
			}
			if err.Error() != c.want {
				t.Errorf("error is\n%s, want\n%s", err, c.want)
			}
			if _, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, errs.ErrInvalid) {
				t.Errorf("%T is no *Error of the kind ErrInvalid", err)
			}
		})
	}
}

// through goes through a whole Dockerfile.
func through(data []byte, name string) error {
	f, err := Parse(data, name)
	if err != nil {
		return err
	}
	p, err := f.Plan(PlanOptions{Platform: "linux/amd64", BuildPlatform: "linux/amd64"})
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, s := range p.Stages {
		if _, err := walkStage(&b, s, map[string]index.Config{}, map[*Stage]index.Config{}); err != nil {
			return err
		}
	}
	return nil
}

func TestFrontend(t *testing.T) {
	for ref, ok := range map[string]bool{
		"docker/dockerfile": true, "docker/dockerfile:1": true, "docker/dockerfile:1.4": true, "docker/dockerfile:1-labs": true,
		"docker.io/docker/dockerfile:1": true, "docker/dockerfile-upstream:master": true, "docker/dockerfile:experimental": true,
		"docker/dockerfile:1@sha256:0000000000000000000000000000000000000000000000000000000000000000": true,
		"ghcr.io/docker/dockerfile:1": false, "tonistiigi/dockerfile:x": false, "docker/dockerfiles": false, "dockerfile": false,
	} {
		for _, line := range []string{"# syntax=", "#syntax = ", "// syntax=", "\ufeff# syntax=", "#!/bin/x\n# syntax="} {
			_, err := Parse([]byte(line+ref+"\nFROM scratch\n"), "F")
			if strings.HasPrefix(line, "//") && ok {
				continue // no comment of a Dockerfile
			}
			if (err == nil) != ok {
				t.Errorf("%q: %v", line+ref, err)
			}
			if err != nil && (!errors.Is(err, errs.ErrUnsupported) || errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), ref)) {
				t.Errorf("%q: %v", line+ref, err)
			}
		}
	}
	if _, err := Parse([]byte(`{"syntax": "gateway.example/x", "a": 1}`), "F"); !errors.Is(err, errs.ErrUnsupported) {
		t.Errorf("JSON: %v", err)
	}
	f, err := Parse([]byte("FROM scratch\n"), "F")
	if err != nil {
		t.Fatal(err)
	}
	o := PlanOptions{Platform: "linux/amd64", BuildPlatform: "linux/amd64", Args: map[string]string{"BUILDKIT_SYNTAX": "a/b"}}
	if _, err := f.Plan(o); !errors.Is(err, errs.ErrUnsupported) {
		t.Errorf("build argument: %v", err)
	}
}
