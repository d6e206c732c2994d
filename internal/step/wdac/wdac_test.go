package wdac

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/pinned"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/wdac/policy"
	"github.com/hallmark-dev/hallmark/templates"
)

// world is a release whose programs are finished.
type world struct {
	note string // of the last run
	*step.Run
	t   *testing.T
	out bytes.Buffer
}

const base = "{A244370E-44C9-4C06-B551-F6016E563076}"

func newWorld(t *testing.T) *world {
	t.Helper()
	p := formatstest.NewPKI(t)
	w := &world{t: t}
	root := t.TempDir()
	l, err := ledger.Open(filepath.Join(root, step.LedgerPath))
	if err != nil {
		t.Fatal(err)
	}
	two := 2
	w.Run = &step.Run{Root: root, Ledger: l, Now: time.Now, Templates: templates.FS, Console: console.New(&w.out, console.Options{}), Spec: &spec.Spec{
		Project: spec.Project{Name: "app", Company: "Example Ltd", Version: "1.4.2"},
		Sign:    &spec.Sign{Identity: "pem:key.pem,cert.pem"},
		WDAC: &spec.WDAC{Template: "supplemental", Name: "The App: client", BasePolicyID: base, Level: "FilePublisher",
			Fallback: []string{"Hash"}, KeepReleases: &two, Format: 7, History: ".hallmark/wdac/history.json"},
	}}
	w.Run.Identity = func(context.Context) (*identity.Identity, error) {
		return &identity.Identity{Ref: "pem", Key: p.Leaf.Key, Certificate: p.Leaf.Certificate, Chain: p.Leaf.Chain, Root: p.Root}, nil
	}
	w.program("putty.exe", p.Leaf)
	return w
}

// program ships a real program with version information, signed by an identity.
func (w *world) program(sample string, id *formatstest.Identity) {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(formatstest.SaferwallSamples(w.t), sample))
	if err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	_, err = authenticode.Sign(context.Background(), bytes.NewReader(b), int64(len(b)), &out, authenticode.SignOptions{
		Signer: cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain}, Existing: authenticode.ExistingReplace})
	if err != nil {
		w.t.Fatal(err)
	}
	a := ledger.Artifact{ID: "app", Name: "app.exe", GOOS: "windows", GOARCH: "amd64"}
	w.write(w.Released(a), out.Bytes())
	w.Ledger.SetArtifacts([]ledger.Artifact{a})
}

func (w *world) write(name string, b []byte) {
	w.t.Helper()
	abs := w.Abs(name)
	if err := os.MkdirAll(filepath.Dir(abs), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(abs, b, 0o644); err != nil {
		w.t.Fatal(err)
	}
	if err := w.Ledger.Put(ledger.Record{Step: "earlier", Unit: name, Bound: map[string]pinned.Sum{name: pinned.SumOf(b)}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read(name string) []byte {
	w.t.Helper()
	b, err := os.ReadFile(w.Abs(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) unit() step.Unit {
	w.t.Helper()
	units, err := Step().Units(context.Background(), w.Run)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(units) != 1 {
		w.t.Fatalf("%d units", len(units))
	}
	return units[0]
}

func (w *world) run() (*cipolicy.Policy, error) {
	w.t.Helper()
	u := w.unit()
	res, err := u.Do(context.Background())
	if err != nil {
		return nil, err
	}
	w.note = res.Note
	for _, o := range u.Outputs {
		w.read(o)
	}
	return w.policy(), nil
}

// policy reads the kit's XML and checks that the binary is made of it.
func (w *world) policy() *cipolicy.Policy {
	w.t.Helper()
	u := w.unit()
	p, err := cipolicy.ReadBytes(w.read(u.Outputs[0]))
	if err != nil {
		w.t.Fatal(err)
	}
	want, err := cipolicy.Compile(p, cipolicy.CompileOptions{Format: w.Spec.WDAC.Format})
	if err != nil {
		w.t.Fatal(err)
	}
	got, _, err := cipolicy.Unwrap(w.read(u.Outputs[1]))
	if err != nil || !bytes.Equal(got, want) {
		w.t.Fatalf("the binary is not made of the XML (%v)", err)
	}
	return p
}

func (w *world) must() *cipolicy.Policy {
	w.t.Helper()
	p, err := w.run()
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func TestSupplemental(t *testing.T) {
	w := newWorld(t)
	p := w.must()
	if !p.IsSupplemental() || p.BaseID().String() != base || p.Version.String() != "1.4.2.0" || p.Info("Name") != "The App: client" {
		t.Errorf("type %q, base %s, version %s, name %q", p.Type, p.BaseID(), p.Version, p.Info("Name"))
	}
	if len(p.Signers) != 1 || len(p.FileRules) != 1 || p.FileRules[0].Kind != cipolicy.FileAttrib {
		t.Errorf("%d signers, %d rules", len(p.Signers), len(p.FileRules))
	}
	if filepath.Base(w.unit().Outputs[0]) != "The-App-client.xml" {
		t.Errorf("XML is %s", w.unit().Outputs[0])
	}
	var uri struct {
		OMAURI string `json:"oma_uri"`
		Fits   bool   `json:"fits"`
		Bytes  int    `json:"bytes"`
	}
	if err := json.Unmarshal(w.read("dist/wdac/intune/oma-uri.json"), &uri); err != nil {
		t.Fatal(err)
	}
	if want := "./Vendor/MSFT/ApplicationControl/Policies/" + p.ID().Bare() + "/Policy"; uri.OMAURI != want || !uri.Fits || uri.Bytes == 0 {
		t.Errorf("%+v, wanted %s", uri, want)
	}
	if note := w.note; note != "supplemental: allows app.exe 1.4.2 or later by this signer" {
		t.Errorf("the note is %q", note)
	}
	if strings.Contains(w.out.String(), "user mode:") {
		t.Errorf("the policy in words is for the README:\n%s", w.out.String())
	}
}

func TestSameBytesAndUpToDate(t *testing.T) {
	w := newWorld(t)
	w.must()
	u := w.unit()
	first := map[string][]byte{}
	for _, o := range u.Outputs {
		first[o] = w.read(o)
	}
	before, _ := json.Marshal(u.Config)
	w.must()
	after, _ := json.Marshal(w.unit().Config)
	if !bytes.Equal(before, after) {
		t.Errorf("the settings change by running:\n%s\n%s", before, after)
	}
	for o, b := range first {
		if !bytes.Equal(w.read(o), b) {
			t.Errorf("%s differs the second time", o)
		}
	}
}

// TestEarlierReleasesStayAllowed releases four versions: two earlier ones are kept.
func TestEarlierReleasesStayAllowed(t *testing.T) {
	w := newWorld(t)
	samples := []string{"putty.exe", "brave.exe", "pwsh.exe", "impbyord.exe"}
	for i, version := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		w.Spec.Project.Version = version
		w.program(samples[i], formatstest.NewPKI(t).Leaf)
		w.must()
	}
	w.Spec.Project.Version = "2.0.0"
	w.program(samples[3], formatstest.NewPKI(t).Leaf)
	id := w.policy().ID()
	p := w.must()
	text := string(p.XML())
	if p.ID() != id {
		t.Error("the identity changes from release to release")
	}
	for version, want := range map[string]bool{"1.0.0": false, "1.1.0": true, "1.2.0": true} {
		if got := strings.Contains(text, " of "+version+" Hash Sha256"); got != want {
			t.Errorf("release %s kept: %v, wanted %v", version, got, want)
		}
	}
	w.Spec.Project.Version = "1.9.9"
	if _, err := w.run(); err == nil || !strings.Contains(err.Error(), "version would go down") {
		t.Errorf("an older release after 2.0.0: %v", err)
	}
}

func TestHistoryOfAnotherProduct(t *testing.T) {
	w := newWorld(t)
	w.write(w.Spec.WDAC.History, []byte(`{"schema":1,"product":"other","releases":[]}`))
	if _, err := Step().Units(context.Background(), w.Run); err == nil || fault.Status(err) != fault.Usage {
		t.Errorf("got %v", err)
	}
}

func TestBasePolicies(t *testing.T) {
	for template, audit := range map[string]bool{"audit": true, "enforced": false} {
		t.Run(template, func(t *testing.T) {
			w := newWorld(t)
			w.Spec.WDAC.Template, w.Spec.WDAC.BasePolicyID, w.Spec.WDAC.SinglePolicy = template, "", true
			p := w.must()
			if p.IsSupplemental() || p.HasOption(cipolicy.OptionAudit) != audit || !p.HasOption(cipolicy.OptionAllowSupplemental) {
				t.Errorf("type %q, options %v", p.Type, p.Options)
			}
			d, err := cipolicy.Decompile(w.read("dist/wdac/SiPolicy.p7b"), cipolicy.Quicksort)
			if err != nil || !d.Policy.SinglePolicy() || d.Policy.TypeID.Value != cipolicy.SinglePolicyType {
				t.Errorf("SiPolicy.p7b: %v", err)
			}
			if p.ID() == policy.ID("Example Ltd", "app", "supplemental") {
				t.Error("a base policy has the identity of the supplemental one")
			}
		})
	}
}

// TestDenyOld denies what came before and spares the release itself.
func TestDenyOld(t *testing.T) {
	for _, level := range []string{"FilePublisher", "SignedVersion", "FileName"} {
		t.Run(level, func(t *testing.T) {
			w := newWorld(t)
			zero := 0
			w.Spec.WDAC.Template, w.Spec.WDAC.Level, w.Spec.WDAC.KeepReleases = "deny-old", level, &zero
			p := w.must()
			var denied *cipolicy.FileRule
			for i := range p.FileRules {
				if r := &p.FileRules[i]; r.MaxVersion.Set {
					denied = r
				}
			}
			if denied == nil || !denied.MinVersion.Set || denied.MinVersion.Value != 0 {
				t.Fatalf("no bounded rule in %+v", p.FileRules)
			}
			if p.IsSupplemental() {
				t.Error("a supplemental policy cannot deny")
			}
		})
	}
}

func TestSigned(t *testing.T) {
	w := newWorld(t)
	w.Spec.WDAC.Sign, w.Spec.WDAC.Template = true, "enforced"
	p := w.must()
	if p.HasOption(cipolicy.OptionUnsigned) || len(p.UpdateSigners) != 1 || len(p.SupplementalSigners) != 1 {
		t.Errorf("options %v, %d update signers", p.Options, len(p.UpdateSigners))
	}
	_, signature, err := cipolicy.Unwrap(w.read("dist/wdac/" + p.ID().String() + ".cip"))
	if err != nil || signature == nil {
		t.Errorf("not signed: %v", err)
	}
	if remove := string(w.read("dist/wdac/remove.ps1")); !strings.Contains(remove, "throw 'The policy is signed.") {
		t.Error("remove.ps1 would delete a signed policy")
	}
}

// TestMergeDeniesOurs merges a customer's policy that denies what is shipped.
func TestMergeDeniesOurs(t *testing.T) {
	w := newWorld(t)
	w.Spec.WDAC.Template = "enforced"
	w.write("customer.xml", []byte(`<SiPolicy xmlns="urn:schemas-microsoft-com:sipolicy"><VersionEx>1.0.0.0</VersionEx>
<PolicyTypeID>{A244370E-44C9-4C06-B551-F6016E563076}</PolicyTypeID><PlatformID>{2E07F7E4-194C-4D20-B7C9-6F44A6C5A234}</PlatformID>
<Rules><Rule><Option>Enabled:Unsigned System Integrity Policy</Option></Rule></Rules>
<FileRules><Deny ID="ID_DENY_X" FileName="PuTTY"/><Allow ID="ID_ALLOW_Y" FileName="theirs.exe"/></FileRules>
<SigningScenarios><SigningScenario Value="12" ID="ID_SIGNINGSCENARIO_A"><ProductSigners><FileRulesRef><FileRuleRef RuleID="ID_DENY_X"/><FileRuleRef RuleID="ID_ALLOW_Y"/></FileRulesRef></ProductSigners></SigningScenario></SigningScenarios></SiPolicy>`))
	w.Spec.WDAC.Merge = "customer.xml"
	if _, err := w.run(); err == nil || fault.Status(err) != fault.Verification || !strings.Contains(err.Error(), "shipped but denied") {
		t.Fatalf("got %v", err)
	}
	w.write("customer.xml", bytes.Replace(w.read("customer.xml"), []byte(`FileName="PuTTY"`), []byte(`FileName="other.exe"`), 1))
	if p := w.must(); !strings.Contains(string(p.XML()), "theirs.exe") {
		t.Error("the customer's rule is missing")
	}
}

func TestRenamedPolicyLeavesNothingBehind(t *testing.T) {
	w := newWorld(t)
	w.must()
	w.Spec.WDAC.Name = "Other"
	w.must()
	if _, err := os.Stat(w.Abs("dist/wdac/The-App-client.xml")); err == nil {
		t.Error("the old XML is still there")
	}
}

func TestOwnTemplate(t *testing.T) {
	w := newWorld(t)
	w.Spec.WDAC.Template, w.Spec.WDAC.TemplateFile = "", "own.xml"
	w.write("own.xml", []byte("<SiPolicy/>"))
	if _, err := w.run(); err == nil || !strings.Contains(err.Error(), "the policy template is wrong") {
		t.Errorf("got %v", err)
	}
	b, err := templates.FS.ReadFile("wdac/audit.xml")
	if err != nil {
		t.Fatal(err)
	}
	w.write("own.xml", b)
	if p := w.must(); !p.HasOption(cipolicy.OptionAudit) {
		t.Error("the template is not used")
	}
}

// TestHistoryWhereTheSpecSays: earlier releases come from that file alone, and
// are written back to it.
func TestHistoryWhereTheSpecSays(t *testing.T) {
	w := newWorld(t)
	w.Spec.WDAC.History = "release/history.json"
	w.write(".hallmark/wdac/history.json", []byte("planted")) // would be an error if it were read
	w.must()
	if b := w.read("release/history.json"); !bytes.Contains(b, []byte(`"version": "1.4.2"`)) {
		t.Errorf("%s", b)
	}
	if b := w.read(".hallmark/wdac/history.json"); string(b) != "planted" {
		t.Errorf("%s", b)
	}
}
