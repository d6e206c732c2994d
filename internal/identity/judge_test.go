package identity

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// judged is an identity made of certificates alone, with the PKI above it.
func judged(t *testing.T, c *x509.Certificate, edit ...func(*Identity)) *Identity {
	t.Helper()
	pki := formatstest.NewPKI(t)
	id := &Identity{Certificate: c, Chain: []*x509.Certificate{pki.Intermediate}, Root: pki.Root}
	for _, e := range edit {
		e(id)
	}
	return id
}

// hasProblem finds a problem by rule, severity and a piece of its text.
func hasProblem(problems []Problem, s Severity, rule, text string) bool {
	for _, p := range problems {
		if p.Severity == s && p.Rule == rule && strings.Contains(p.Text, text) && p.Hint != "" {
			return true
		}
	}
	return false
}

// noErrors are the problems of severity Error.
func severe(problems []Problem) (n int) {
	for _, p := range problems {
		if p.Severity == Error {
			n++
		}
	}
	return n
}

func TestJudgeKinds(t *testing.T) {
	pki := formatstest.NewPKI(t)
	allowEC := func(i *Identity) { i.opts.AllowECDSA = true }
	now := time.Now()
	for name, c := range map[string]struct {
		cert     *x509.Certificate
		edit     func(*Identity)
		severity Severity
		rule     string
		text     string
	}{
		"expired":       {pki.Expired.Certificate, nil, Error, RuleValidity, "expired on"},
		"not yet":       {pki.NotYet.Certificate, nil, Error, RuleValidity, "valid only from"},
		"TLS":           {pki.WrongEKU.Certificate, nil, Error, RulePurpose, "lacks the extended key usage"},
		"no EKU":        {pki.NoEKU.Certificate, nil, Error, RulePurpose, "lacks the extended key usage"},
		"TSA":           {pki.TSA.Certificate, nil, Error, RulePurpose, "lacks the extended key usage"},
		"CA":            {pki.Intermediate, nil, Error, RulePurpose, "CA:TRUE"},
		"lifetime":      {pki.Lifetime.Certificate, nil, Error, RulePurpose, "lifetime-signing"},
		"ECDSA":         {pki.ECDSA.Certificate, nil, Error, RuleAlgorithm, "ECDSA"},
		"ECDSA allowed": {pki.ECDSA.Certificate, allowEC, Warning, RuleAlgorithm, "ECDSA"},
		"RSA-2048":      {pki.Weak.Certificate, nil, Error, RuleAlgorithm, "2048 bits"},
		"years":         {pki.Leaf.Certificate, nil, Warning, RuleLifetime, "valid for"},
		"incomplete":    {pki.Leaf.Certificate, func(i *Identity) { i.incomplete = "x" }, Error, RuleChain, "incomplete"},
		"self-signed":   {pki.SelfSigned.Certificate, func(i *Identity) { i.Chain, i.Root = nil, i.Certificate }, Warning, RuleChain, "self-signed"},
		"wrong CA": {pki.Leaf.Certificate, func(i *Identity) {
			c := *pki.Intermediate
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
			i.Chain = []*x509.Certificate{&c}
		}, Error, RuleChain, "may not issue for code signing"},
		"old CA": {pki.Leaf.Certificate, func(i *Identity) {
			c := *pki.Intermediate
			c.NotAfter = now.Add(-time.Hour)
			i.Chain = []*x509.Certificate{&c}
		}, Error, RuleChain, "is valid from"},
		"old root": {pki.Leaf.Certificate, func(i *Identity) {
			c := *pki.Root
			c.NotAfter = now.Add(-time.Hour)
			i.Root = &c
		}, Warning, RuleChain, "expired on"},
	} {
		t.Run(name, func(t *testing.T) {
			id := judged(t, c.cert)
			if c.edit != nil {
				c.edit(id)
			}
			problems := id.JudgeCertificate(now)
			if !hasProblem(problems, c.severity, c.rule, c.text) {
				t.Errorf("got %+v", problems)
			}
			if c.severity == Error {
				wantError(t, Err(problems), fault.Usage, c.text, "hint: ")
			} else if severe(problems) != 0 {
				t.Errorf("got %+v", problems)
			}
		})
	}
}

func TestJudgeAcceptsGoodOnes(t *testing.T) {
	pki := formatstest.NewPKI(t)
	year := pki.Issue(t, "One year", nil)
	for name, c := range map[string]*x509.Certificate{"one year": year.Certificate} {
		if ps := judged(t, c).JudgeCertificate(time.Now()); len(ps) != 0 {
			t.Errorf("%s: %+v", name, ps)
		}
	}
	for name, c := range map[string]*x509.Certificate{"EV": pki.EV.Certificate, "OV": pki.Leaf.Certificate, "second": pki.Second.Certificate} {
		if ps := judged(t, c).JudgeCertificate(time.Now()); severe(ps) != 0 {
			t.Errorf("%s: %+v", name, ps)
		}
	}
	short := pki.Artifact.Certificate
	if ps := judged(t, short).JudgeCertificate(short.NotBefore.Add(71 * time.Hour)); len(ps) != 0 {
		t.Errorf("three days: %+v", ps)
	}
}

// edge is a certificate that differs from a good one in a few fields; Judge
// looks at fields only.
func edge(t *testing.T, edit func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	c := *formatstest.NewPKI(t).Leaf.Certificate
	c.NotBefore = testNow.AddDate(0, -1, 0)
	c.NotAfter = c.NotBefore.AddDate(1, 0, 0)
	edit(&c)
	return &c
}

func rsaOf(bits uint) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
}

func TestJudgeEdges(t *testing.T) {
	day := 24 * time.Hour
	private := func(c *x509.Certificate) {
		c.Policies, c.PolicyIdentifiers, c.Extensions = nil, nil, withoutPolicies(c)
	}
	from := func(c *x509.Certificate, at time.Time, length time.Duration) {
		c.NotBefore, c.NotAfter = at, at.Add(length)
	}
	for name, c := range map[string]struct {
		edit     func(*x509.Certificate)
		problems int
		severity Severity
		text     string
	}{
		"good":         {func(*x509.Certificate) {}, 0, 0, ""},
		"30 days left": {func(c *x509.Certificate) { c.NotAfter = testNow.Add(30 * day) }, 0, 0, ""},
		"29 days left": {func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = testNow.Add(-100*day), testNow.Add(30*day-time.Second)
		}, 1, Warning, "in 29 days"},
		"last second":           {func(c *x509.Certificate) { c.NotBefore, c.NotAfter = testNow.Add(-100*day), testNow }, 1, Warning, "in 0 days"},
		"a second late":         {func(c *x509.Certificate) { c.NotAfter = testNow.Add(-time.Second) }, 1, Error, "expired"},
		"first second":          {func(c *x509.Certificate) { c.NotBefore = testNow }, 0, 0, ""},
		"a second early":        {func(c *x509.Certificate) { c.NotBefore = testNow.Add(time.Second) }, 1, Error, "valid only from"},
		"460 days":              {func(c *x509.Certificate) { from(c, testNow.Add(-day), 460*day) }, 0, 0, ""},
		"461 days":              {func(c *x509.Certificate) { from(c, testNow.Add(-day), 461*day) }, 1, Warning, "valid for 461 days"},
		"39 months before 2026": {func(c *x509.Certificate) { from(c, since(2026, 2, 28), 1180*day) }, 0, 0, ""},
		"RSA-3072":              {func(c *x509.Certificate) { c.PublicKey = rsaOf(3072) }, 0, 0, ""},
		"RSA-3071":              {func(c *x509.Certificate) { c.PublicKey = rsaOf(3071) }, 1, Error, "3071 bits"},
		"RSA-2048 before 2021-06": {func(c *x509.Certificate) {
			c.PublicKey, c.NotBefore, c.NotAfter = rsaOf(2048), since(2021, 5, 31), testNow.Add(100*day)
		}, 1, Warning, "2048 bits"},
		"RSA-2048 on 2021-06-01": {func(c *x509.Certificate) {
			c.PublicKey, c.NotBefore, c.NotAfter = rsaOf(2048), since(2021, 6, 1), testNow.Add(100*day)
		}, 1, Error, "since 2021-06-01"},
		"RSA-2048 private":    {func(c *x509.Certificate) { c.PublicKey = rsaOf(2048); private(c) }, 1, Warning, "2048 bits"},
		"RSA-2047":            {func(c *x509.Certificate) { c.PublicKey = rsaOf(2047); private(c) }, 1, Error, "broken"},
		"RSA-4096":            {func(c *x509.Certificate) { c.PublicKey = rsaOf(4096) }, 0, 0, ""},
		"RSA-4097":            {func(c *x509.Certificate) { c.PublicKey = rsaOf(4097) }, 1, Warning, "4097 bits"},
		"other key":           {func(c *x509.Certificate) { c.PublicKey = "?" }, 1, Error, "cannot make"},
		"SHA-1":               {func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }, 1, Error, "SHA1-RSA"},
		"no digitalSignature": {func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, 1, Error, "digital signature"},
		"no key usage at all": {func(c *x509.Certificate) { c.KeyUsage = 0 }, 0, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			problems := judged(t, edge(t, c.edit), func(i *Identity) { i.Chain, i.Root = nil, nil }).JudgeCertificate(testNow)
			if len(problems) != c.problems {
				t.Fatalf("got %+v", problems)
			}
			if c.problems == 1 && (problems[0].Severity != c.severity || !strings.Contains(problems[0].Text, c.text)) {
				t.Errorf("got %+v", problems[0])
			}
		})
	}
}

func withoutPolicies(c *x509.Certificate) (kept []pkix.Extension) {
	for _, e := range c.Extensions {
		if e.Id.String() != "2.5.29.32" {
			kept = append(kept, e)
		}
	}
	return kept
}

func TestJudgeSHA1Intermediate(t *testing.T) {
	pki := formatstest.NewPKI(t)
	id := judged(t, pki.Issue(t, "x", nil).Certificate, func(i *Identity) {
		c := *pki.Intermediate
		c.SignatureAlgorithm = x509.SHA1WithRSA
		i.Chain = []*x509.Certificate{&c}
	})
	if ps := id.JudgeCertificate(time.Now()); len(ps) != 1 || ps[0].Severity != Warning || !strings.Contains(ps[0].Text, "intermediate") {
		t.Errorf("got %+v", ps)
	}
}

func TestJudgeReportsEverythingAtOnce(t *testing.T) {
	pki := formatstest.NewPKI(t)
	id := judged(t, pki.Expired.Certificate, func(i *Identity) { i.incomplete, i.Key = "x", pki.Leaf.Key })
	ps := id.Judge(time.Now())
	for _, rule := range []string{RuleKey, RuleValidity, RuleChain} {
		if !hasProblem(ps, Error, rule, "") {
			t.Errorf("no %s in %+v", rule, ps)
		}
	}
}

func TestJudgeTestIdentity(t *testing.T) {
	id, err := openTest(t, testStore(t), testNow)
	if err != nil {
		t.Fatal(err)
	}
	if ps := id.Judge(testNow); len(ps) != 0 {
		t.Errorf("got %+v", ps)
	}
}

// A slow key must be asked once even when two steps judge at the same time.
func TestProbeConcurrent(t *testing.T) {
	p := formatstest.NewPKI(t).Leaf
	counter := &countingKey{Signer: p.Key}
	id := judged(t, p.Certificate, func(i *Identity) { i.Key = counter })
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { id.Judge(time.Now()) })
	}
	wg.Wait()
	if counter.calls != 1 {
		t.Errorf("%d signatures", counter.calls)
	}
	if _, err := p.Key.Sign(rand.Reader, make([]byte, 32), crypto.SHA256); err != nil {
		t.Error(err)
	}
}
