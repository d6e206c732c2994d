package roots

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// fetched makes a working folder in which roots:update has left l, and goes there.
func fetched(t *testing.T, l trust.List) {
	t.Helper()
	b, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.MkdirAll(".hallmark", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(args.FetchedRoots(), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestListWithLimits(t *testing.T) {
	p := formatstest.NewPKI(t)
	day := time.Date(2019, 2, 3, 0, 0, 0, 0, time.UTC)
	fetched(t, trust.List{Sequence: "1",
		CodeSigningLimited:  []trust.LimitedRoot{{Certificate: p.Root.Raw, Limits: certchain.Limits{Disabled: day}}},
		TimeStampingLimited: []trust.LimitedRoot{{Certificate: p.TSARoot.Raw, Limits: certchain.Limits{NotBefore: day}}}})
	var out bytes.Buffer
	if err := List(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"code CN=Hallmark Test Root,O=Hallmark Test,C=CH; code: signatures before 2019-02-03\n",
		"time CN=Hallmark Test TSA Root,O=Hallmark Test,C=CH; time: certificates issued up to 2019-02-03\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}
