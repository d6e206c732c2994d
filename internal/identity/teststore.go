package identity

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// A test identity lies in a folder of its own, test-identity-1 below
// StateDir, its successor in test-identity-2 and so on; the highest number
// counts. A folder appears complete, by one rename, and is never changed
// afterwards: of two processes that make the first one at the same time, the
// later finds the name taken and uses what the earlier made.
const (
	testFolder     = "test-identity-"
	testUnfinished = ".tmp-" + testFolder
)

// Files of a test identity.
const (
	fileRootPEM = "root.pem"
	fileRootDER = "root.cer"
	fileLeafKey = "signing.key"
	fileLeaf    = "signing.pem" // leaf and issuing CA
	fileTSAKey  = "timestamp.key"
	fileTSA     = "timestamp.pem"
)

func (i *Identity) loadTest() error {
	number, err := lastTest(i.opts.StateDir)
	if err != nil {
		return fault.New(fault.Other, "opening test identity: %v", err)
	}
	if number > 0 {
		if err := notShared(i.opts.StateDir, testDir(i.opts.StateDir, number)); err != nil {
			return err
		}
		expired, err := i.readTest(testDir(i.opts.StateDir, number))
		if err != nil || !expired {
			return err
		}
		i.warn(fmt.Sprintf("the test identity expired on %s: making a new one", i.Certificate.NotAfter.Format(time.DateOnly)))
	}
	dir, err := makeTest(i.opts.StateDir, number+1, i.opts.Now())
	if err != nil {
		return fault.New(fault.Other, "making test identity: %v", err).
			Hint("the folder %s must be writable", i.opts.StateDir)
	}
	_, err = i.readTest(dir)
	return err
}

// notShared refuses folders that others may write to: who puts a key there signs
// in the owner's name.
func notShared(dirs ...string) error {
	for _, dir := range dirs {
		st, err := os.Stat(dir)
		if err != nil {
			return fault.New(fault.Other, "opening test identity: %v", err)
		}
		if secret.Changeable(st.Mode()) {
			return fault.New(fault.Usage, "the folder %s holds keys, and other users can write to it (mode %04o)", dir, st.Mode().Perm()).
				Hint("check what is in it, then run chmod go-w %s; or delete it, and a new test identity is made", dir)
		}
	}
	return nil
}

func testDir(stateDir string, number int) string {
	return filepath.Join(stateDir, testFolder+strconv.Itoa(number))
}

// lastTest is the highest number of a test identity in stateDir, 0 if none.
func lastTest(stateDir string) (int, error) {
	entries, err := os.ReadDir(stateDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	last := 0
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), testFolder)
		if n, err := strconv.Atoi(digits); ok && err == nil && n > last && e.IsDir() {
			last = n
		}
	}
	return last, nil
}

// makeTest makes the test identity of that number and returns its folder,
// which may be another process's work.
func makeTest(stateDir string, number int, now time.Time) (string, error) {
	set, err := newTestSet(now)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return "", err
	}
	sweepUnfinished(stateDir)
	tmp, err := os.MkdirTemp(stateDir, testUnfinished) // mode 0700
	if err != nil {
		return "", err
	}
	defer atomicfile.RemoveAll(tmp)
	if err := set.write(tmp); err != nil {
		return "", err
	}
	dir := testDir(stateDir, number)
	if err := atomicfile.MoveDir(tmp, dir); err != nil {
		if _, statErr := os.Stat(filepath.Join(dir, fileTSA)); statErr == nil {
			return dir, nil // another process was faster
		}
		return "", err
	}
	return dir, nil
}

// sweepUnfinished removes what a process left that was killed while it
// made a test identity. An hour is far longer than making one takes.
func sweepUnfinished(stateDir string) {
	left, _ := filepath.Glob(filepath.Join(stateDir, testUnfinished+"*"))
	for _, dir := range left {
		if st, err := os.Stat(dir); err == nil && time.Since(st.ModTime()) > time.Hour {
			atomicfile.RemoveAll(dir)
		}
	}
}

func (s *testSet) write(dir string) error {
	leafKey, err := keyPEM(s.leafKey)
	if err != nil {
		return err
	}
	tsaKey, err := keyPEM(s.tsaKey)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
		mode os.FileMode
	}{
		{fileRootPEM, certPEM(s.root), 0o644},
		{fileRootDER, s.root.Raw, 0o644},
		{fileLeafKey, leafKey, 0o600},
		{fileLeaf, certPEM(s.leaf, s.issuer), 0o644},
		{fileTSAKey, tsaKey, 0o600},
		{fileTSA, certPEM(s.tsa), 0o644},
	} {
		if err := atomicfile.Write(filepath.Join(dir, f.name), f.data, f.mode); err != nil {
			return err
		}
	}
	return nil
}

func keyPEM(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func certPEM(certs ...*x509.Certificate) []byte {
	var b []byte
	for _, c := range certs {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return b
}

// readTest loads the test identity in dir and checks that its files belong
// together. expired says that its certificate has run out.
func (i *Identity) readTest(dir string) (expired bool, err error) {
	leafKey, leaf, err := i.readPair(dir, fileLeafKey, fileLeaf)
	if err != nil {
		return false, damagedTest(dir, err)
	}
	tsaKey, tsa, err := i.readPair(dir, fileTSAKey, fileTSA)
	if err != nil {
		return false, damagedTest(dir, err)
	}
	root, err := readCertificates(filepath.Join(dir, fileRootPEM))
	if err != nil {
		return false, damagedTest(dir, err)
	}
	if err := checkTest(leaf, tsa, root); err != nil {
		return false, damagedTest(dir, err)
	}
	i.Key, i.Certificate, i.Chain, i.Root = leafKey, leaf[0], leaf[1:], root[0]
	i.TSA = &Authority{Key: tsaKey, Certificate: tsa[0]}
	i.Held = append(append(append(i.Held[:0], leaf...), root[0]), tsa[0])
	i.Test = true
	return i.opts.Now().After(leaf[0].NotAfter), nil
}

func (i *Identity) readPair(dir, keyFile, certFile string) (crypto.Signer, []*x509.Certificate, error) {
	key, _, err := i.readKey(filepath.Join(dir, keyFile), nil)
	if err != nil {
		return nil, nil, err
	}
	certs, err := readCertificates(filepath.Join(dir, certFile))
	if err != nil {
		return nil, nil, err
	}
	if !samePublicKey(key.Public(), certs[0].PublicKey) {
		return nil, nil, fmt.Errorf("%s does not match %s", keyFile, certFile)
	}
	return key, certs, nil
}

func checkTest(leaf, tsa, root []*x509.Certificate) error {
	if len(leaf) != 2 || len(tsa) != 1 || len(root) != 1 {
		return errors.New("wrong number of certificates")
	}
	if !cms.IssuedBy(leaf[0], leaf[1]) || !cms.IssuedBy(leaf[1], root[0]) || !cms.IssuedBy(tsa[0], root[0]) || !cms.IssuedBy(root[0], root[0]) {
		return errors.New("the certificates do not form a chain")
	}
	return nil
}

func damagedTest(dir string, err error) error {
	return fault.New(fault.Other, "opening test identity in %s: %v", dir, err).
		Hint("delete %s: a new test identity is made the next time", dir)
}

// RootPEM is the root certificate as PEM, nil if the root is not known.
func (i *Identity) RootPEM() []byte {
	if i.Root == nil {
		return nil
	}
	return certPEM(i.Root)
}

// RootDER is the root certificate as DER, the content of a .cer file, nil if
// the root is not known.
func (i *Identity) RootDER() []byte {
	if i.Root == nil {
		return nil
	}
	return i.Root.Raw
}
