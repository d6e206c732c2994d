package roots

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/trust"
	"github.com/hallmark-dev/hallmark/internal/trust/trusttest"
)

func TestListWithLimits(t *testing.T) {
	p := formatstest.NewPKI(t)
	day := time.Date(2019, 2, 3, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	anchors := trusttest.Write(t, dir, trusttest.Store{Roots: []trusttest.Root{
		{Certificate: p.Root, Usage: cms.OIDEKUCodeSigning, Disabled: day},
		{Certificate: p.TSARoot, Usage: cms.OIDEKUTimeStamping, NotBefore: day},
	}})
	var out bytes.Buffer
	if err := list(&out, trust.Store{Dir: dir, Anchors: anchors}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"both CN=Hallmark Test Root,O=Hallmark Test,C=CH; code: signatures before 2019-02-03\n",
		"both CN=Hallmark Test TSA Root,O=Hallmark Test,C=CH; time: certificates issued up to 2019-02-03\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}
