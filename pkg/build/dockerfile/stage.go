package dockerfile

// Stage is what one FROM begins.
type Stage struct {
	Index int
	Name  string // as progress shows it: AS, or "stage-N"
	From  Source
	// Needs are the stages that FROM, COPY --from and RUN --mount name.
	Needs []*Stage
	Lines [2]int // of FROM
}
