package identity

import "path/filepath"

// TestCertificateFile is the path of the certificate of the current test
// identity below stateDir. There has to be one.
func TestCertificateFile(stateDir string) (string, error) {
	n, err := lastTest(stateDir)
	if err != nil {
		return "", err
	}
	return filepath.Join(testDir(stateDir, n), fileLeaf), nil
}
