package identity

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	testNow   = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	storeOnce sync.Once
	storeSet  *testSet
	storeErr  error
)

// testStore is a StateDir with a test identity made at testNow; the keys are
// made once a process.
func testStore(t *testing.T) string {
	t.Helper()
	storeOnce.Do(func() { storeSet, storeErr = newTestSet(testNow) })
	if storeErr != nil {
		t.Fatal(storeErr)
	}
	state := filepath.Join(t.TempDir(), ".hallmark")
	dir := testDir(state, 1)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := storeSet.write(dir); err != nil {
		t.Fatal(err)
	}
	return state
}

func openTest(t *testing.T, state string, now time.Time) (*Identity, error) {
	t.Helper()
	return Open(context.Background(), "test", Options{StateDir: state, Now: func() time.Time { return now }})
}

func TestTestIdentityIsWhatItSays(t *testing.T) {
	id, err := openTest(t, testStore(t), testNow)
	if err != nil {
		t.Fatal(err)
	}
	defer id.Close()
	if !id.Test || id.Kind != KindTest || id.Ref != "test" || len(id.Chain) != 1 || id.Root == nil || id.TSA == nil {
		t.Fatalf("got %+v", id)
	}
	for _, c := range append(append([]*x509.Certificate{id.Certificate, id.Root, id.TSA.Certificate}, id.Chain...), id.Held...) {
		if !strings.Contains(c.Subject.String(), "Hallmark TEST") || !strings.Contains(c.Subject.CommonName, TestName) {
			t.Errorf("subject %q is not marked", c.Subject)
		}
		if c.PublicKey.(*rsa.PublicKey).N.BitLen() != 3072 || c.SignatureAlgorithm != x509.SHA256WithRSA {
			t.Errorf("%s: wrong key or algorithm", c.Subject)
		}
	}
	digest := sha256.Sum256([]byte("x"))
	sig, err := id.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.Certificate.CheckSignature(x509.SHA256WithRSA, []byte("x"), sig); err != nil {
		t.Error(err)
	}
	if days := id.Certificate.NotAfter.Sub(id.Certificate.NotBefore).Hours() / 24; days > 460 {
		t.Errorf("valid for %v days", days)
	}
	verifyWithX509(t, id, id.Certificate, x509.ExtKeyUsageCodeSigning)
	verifyWithX509(t, id, id.TSA.Certificate, x509.ExtKeyUsageTimeStamping)
}

func verifyWithX509(t *testing.T, id *Identity, c *x509.Certificate, usage x509.ExtKeyUsage) {
	t.Helper()
	roots, mid := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(id.RootPEM())
	for _, c := range id.Chain {
		mid.AddCert(c)
	}
	opts := x509.VerifyOptions{Roots: roots, Intermediates: mid, CurrentTime: testNow, KeyUsages: []x509.ExtKeyUsage{usage}}
	if _, err := c.Verify(opts); err != nil {
		t.Errorf("%s: %v", c.Subject, err)
	}
}

func TestTestIdentityTSAIsCriticalAndAlone(t *testing.T) {
	id, err := openTest(t, testStore(t), testNow)
	if err != nil {
		t.Fatal(err)
	}
	if u := id.TSA.Certificate.ExtKeyUsage; len(u) != 1 || u[0] != x509.ExtKeyUsageTimeStamping {
		t.Errorf("key usages %v", u)
	}
	for _, e := range id.TSA.Certificate.Extensions {
		if e.Id.String() == "2.5.29.37" && !e.Critical {
			t.Error("the extended key usage is not critical")
		}
	}
}

func TestTestIdentityIsMadeOnceAndKept(t *testing.T) {
	if testing.Short() {
		t.Skip("makes keys")
	}
	state := filepath.Join(t.TempDir(), "new", ".hallmark")
	const n = 2
	ids := make([]*Identity, n)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() { ids[i], _ = openTest(t, state, testNow) })
	}
	wg.Wait()
	for _, id := range ids {
		if id == nil || !id.Certificate.Equal(ids[0].Certificate) || !samePublicKey(id.Key.Public(), ids[0].Key.Public()) {
			t.Fatal("processes that start at once got different identities")
		}
	}
	entries, _ := os.ReadDir(state)
	if len(entries) != 1 || entries[0].Name() != "test-identity-1" {
		t.Errorf("left behind: %v", entries)
	}
	checkModes(t, state)
	again, err := openTest(t, state, testNow.AddDate(0, 6, 0))
	if err != nil || !again.Certificate.Equal(ids[0].Certificate) {
		t.Errorf("the next run got another identity: %v", err)
	}
}

func checkModes(t *testing.T, state string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return
	}
	for path, want := range map[string]os.FileMode{
		"": 0o700, "test-identity-1": 0o700, "test-identity-1/signing.key": 0o600, "test-identity-1/timestamp.key": 0o600,
	} {
		st, err := os.Stat(filepath.Join(state, path))
		if err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v; want %o", path, st.Mode(), err, want)
		}
	}
}

func TestTestIdentityIsRenewed(t *testing.T) {
	if testing.Short() {
		t.Skip("makes keys")
	}
	state := testStore(t)
	later := testNow.AddDate(2, 0, 0)
	id, err := openTest(t, state, later)
	if err != nil {
		t.Fatal(err)
	}
	if later.After(id.Certificate.NotAfter) || later.Before(id.Certificate.NotBefore) {
		t.Errorf("renewed certificate is valid %v to %v", id.Certificate.NotBefore, id.Certificate.NotAfter)
	}
	if len(id.Warnings) != 1 || !strings.Contains(id.Warnings[0], "expired on") {
		t.Errorf("warnings %q", id.Warnings)
	}
	if n, _ := lastTest(state); n != 2 {
		t.Errorf("highest number is %d", n)
	}
}

func TestTestIdentityDamaged(t *testing.T) {
	otherKey := func(t *testing.T) []byte {
		b, err := keyPEM(storeSet.tsaKey)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, c := range map[string]struct {
		file    string
		data    func(*testing.T) []byte
		wantErr string
	}{
		"key missing":      {fileLeafKey, nil, fileLeafKey},
		"key empty":        {fileLeafKey, func(*testing.T) []byte { return []byte{} }, "holds no private key"},
		"other key":        {fileLeafKey, otherKey, "does not match"},
		"no issuer":        {fileLeaf, func(*testing.T) []byte { return certPEM(storeSet.leaf) }, "wrong number of certificates"},
		"other root":       {fileRootPEM, func(*testing.T) []byte { return certPEM(storeSet.issuer) }, "do not form a chain"},
		"tsa cut off":      {fileTSA, func(*testing.T) []byte { return certPEM(storeSet.tsa)[:200] }, "cannot be read"},
		"tsa key of other": {fileTSAKey, func(*testing.T) []byte { b, _ := keyPEM(storeSet.leafKey); return b }, "does not match"},
	} {
		t.Run(name, func(t *testing.T) {
			state := testStore(t)
			path := filepath.Join(testDir(state, 1), c.file)
			os.Remove(path)
			if c.data != nil {
				if err := os.WriteFile(path, c.data(t), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := openTest(t, state, testNow)
			if err == nil || !strings.Contains(err.Error(), c.wantErr) || !strings.Contains(err.Error(), "hint: delete ") {
				t.Errorf("got %v, want %q", err, c.wantErr)
			}
			if n, _ := lastTest(state); n != 1 {
				t.Error("a damaged identity was replaced silently")
			}
		})
	}
}

func TestUnfinishedTestIdentityIsIgnoredAndSwept(t *testing.T) {
	state := testStore(t)
	old := filepath.Join(state, testUnfinished+"1")
	young := filepath.Join(state, testUnfinished+"2")
	for _, d := range []string{old, young} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(old, past, past); err != nil {
		t.Fatal(err)
	}
	if _, err := openTest(t, state, testNow); err != nil {
		t.Fatal(err)
	}
	sweepUnfinished(state)
	if _, err := os.Stat(old); err == nil {
		t.Error("the old folder is still there")
	}
	if _, err := os.Stat(young); err != nil {
		t.Error("the folder of a running process was removed")
	}
}

func TestRootExports(t *testing.T) {
	state := testStore(t)
	id, err := openTest(t, state, testNow)
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(id.RootPEM())
	if block == nil || len(rest) != 0 || !bytes.Equal(block.Bytes, id.RootDER()) || !bytes.Equal(id.RootDER(), id.Root.Raw) {
		t.Error("PEM and DER differ")
	}
	var none Identity
	if none.RootPEM() != nil || none.RootDER() != nil {
		t.Error("a root out of nothing")
	}
}
