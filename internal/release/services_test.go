package release

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	st "github.com/hallmark-dev/hallmark/internal/identity/servicetest"
)

// kindOfService is a kind of identity behind a stand-in of its service.
type kindOfService struct {
	ref      string
	env      map[string]string
	password string
	chain    bool // the service holds no certificate
	server   *st.Server
}

// services are all kinds, with the keys of the test PKI behind them.
func services(t *testing.T) map[string]kindOfService {
	pki := formatstest.NewPKI(t)
	entra := st.NewEntra(t)
	artifact := st.NewArtifactSigning(t, entra, st.Daily(t, pki.Leaf.Key), st.Daily(t, pki.Leaf.Key), st.Daily(t, pki.Second.Key))
	vault := st.NewKeyVault(t, entra, pki.Leaf)
	aws := st.NewAWS(t, pki.Leaf.Key)
	google := st.NewGoogle(t, pki.Leaf.Key)
	credentials := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(credentials, []byte(google.ServiceAccount()), 0o600); err != nil {
		t.Fatal(err)
	}
	transit := st.NewVault(t, pki.Leaf.Key)
	return map[string]kindOfService{
		"artifact-signing": {ref: artifact.Ref(), env: entra.Env(), password: entra.Secret, server: artifact.Server},
		"keyvault":         {ref: "keyvault:" + vault.URL + "/codesign", env: entra.Env(), password: entra.Secret, chain: true, server: vault.Server},
		"awskms":           {ref: "awskms:" + aws.ARN(), env: aws.Env("AWS_ACCESS_KEY_ID", st.AWSAccessKey), password: st.AWSSecretKey, chain: true, server: aws.Server},
		"gcpkms":           {ref: google.Ref(), env: map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": credentials}, chain: true, server: google.Server},
		"vault":            {ref: "vault:transit/codesign", env: map[string]string{"VAULT_ADDR": transit.URL}, password: transit.Token, chain: true, server: transit.Server},
	}
}

// use makes the project sign two programs with a service.
func (p *project) use(k kindOfService, more string) {
	p.t.Helper()
	p.copy("chain.pem", formatstest.NewPKI(p.t).Leaf.CertFile(p.t))
	p.env = map[string]string{"SERVICE_SECRET": k.password}
	for name, v := range k.env {
		p.env[name] = v
	}
	sign := "identity: " + k.ref + "\n" + more
	if k.password != "" {
		sign += "  password: env:SERVICE_SECRET\n"
	}
	if k.chain {
		sign += "  chain: [chain.pem]\n"
	}
	p.edit("identity: pkcs12:id.pfx\n  password: env:PFX_PASSWORD\n", sign)
	p.edit("targets: [windows/amd64]", "targets: [windows/amd64, windows/arm64]")
}

const releasedARM = "dist/release/tiny_windows_arm64/tiny.exe"

// TestReleaseThroughEachService: a whole release of two programs, accepted by
// osslsigncode and by Microsoft's own wintrust; the next run makes no call, and
// the ledger holds no secret.
func TestReleaseThroughEachService(t *testing.T) {
	for name, k := range services(t) {
		t.Run(name, func(t *testing.T) {
			p := newProject(t)
			p.use(k, "")
			p.must()
			files := []string{p.path(released), p.path(releasedARM)}
			for _, f := range files {
				if ok, out := formatstest.VerifyOssl(t, f, p.path("root.pem"), p.path("tsaroot.pem")); !ok || !strings.Contains(out, "Timestamp verified using") {
					t.Errorf("osslsigncode does not accept %s:\n%s", f, out)
				}
			}
			calls := k.server.Calls("")
			p.must()
			if n := k.server.Calls(""); n != calls || !strings.Contains(p.out.String(), "everything is up to date") {
				t.Errorf("%d calls although nothing was to be done:\n%s", n-calls, p.out.String())
			}
			if k.password != "" && strings.Contains(p.read("dist/release.json"), k.password) {
				t.Error("the ledger holds the secret")
			}
			if t.Failed() {
				return
			}
			rig := formatstest.NewRig(t)
			pki := formatstest.NewPKI(t)
			rig.Trust(pki.Root)
			rig.Trust(pki.TSARoot)
			for _, v := range rig.Verify(files...) {
				if !v.OK() {
					t.Errorf("wintrust: %v", v)
				}
			}
		})
	}
}

// thumbprints are the certificates that signed, by the ledger.
func (p *project) thumbprints() (list []string) {
	r, err := Open(context.Background(), p.options(), false)
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Close()
	for _, rec := range r.run.Ledger.Records("sign") {
		list = append(list, rec.Facts["thumbprint_sha256"])
	}
	return list
}

// TestCertificateChangesBetweenTwoFiles: the two programs carry the
// certificates of their own answers, and the ledger names which.
func TestCertificateChangesBetweenTwoFiles(t *testing.T) {
	p := newProject(t)
	p.use(services(t)["artifact-signing"], "  expect_eku: ["+st.SubscriberEKU+"]\n  expect_subject: Release Test Ltd\n")
	p.must()
	got := p.thumbprints()
	if len(got) != 2 || got[0] == got[1] {
		t.Errorf("signed by %q", got)
	}
	p.edit(st.SubscriberEKU, "1.3.6.1.4.1.311.97.1.2.3.4")
	if !strings.Contains(p.pending(), "sign") {
		t.Error("another subscriber is expected, and nothing is to be signed")
	}
	if err := p.release(); fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), "sign.expect_eku") {
		t.Errorf("got %v", err)
	}
}

// TestResumedAfterTheCertificateEnded: the time server was down, and the
// release is resumed when the certificate of three days has ended. It is signed
// again, since no timestamp would help, and prints the reason.
func TestResumedAfterTheCertificateEnded(t *testing.T) {
	pki := formatstest.NewPKI(t)
	entra := st.NewEntra(t)
	a := st.NewArtifactSigning(t, entra, st.Daily(t, pki.Leaf.Key))
	p := newProject(t)
	p.use(kindOfService{ref: a.Ref(), env: entra.Env(), password: entra.Secret}, "")
	good := p.spec
	p.setSpec(p.basic(p.stamps(func(int) rfc3161.Fault { return rfc3161.Fault{Kind: rfc3161.FaultDown} })))
	p.use(kindOfService{ref: a.Ref(), env: entra.Env(), password: entra.Secret}, "")
	if err := p.release(); fault.Status(err) != fault.Service {
		t.Fatalf("got %v", err)
	}
	before := p.thumbprints()
	a.Days = []*formatstest.Identity{st.Daily(t, pki.Second.Key, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(100 * time.Hour) })}
	p.setSpec(good)
	p.now = func() time.Time { return time.Now().Add(80 * time.Hour) }
	if err := p.release("timestamp"); fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), "a timestamp cannot help any more") {
		t.Errorf("the timestamp step alone: %v", err)
	}
	if err := p.planned(); err != nil || !strings.Contains(p.out.String(), "the certificate ended on ") {
		t.Errorf("the plan does not say why: %v\n%s", err, p.out.String())
	}
	p.must()
	after := p.thumbprints()
	if len(after) != 2 || fmt.Sprint(before) == fmt.Sprint(after) {
		t.Errorf("signed by %q, then by %q", before, after)
	}
	calls := a.Calls("")
	p.now = func() time.Time { return time.Now().Add(99 * time.Hour) }
	if p.must(); a.Calls("") != calls {
		t.Error("a stamped release was signed again when its certificate ended")
	}
}
