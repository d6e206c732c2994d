package formatstest

import (
	"testing"
)

// VerifyOssl asks osslsigncode about every signature of a file. ok is its verdict; output is what it said. rootPEM and
// tsaRootPEM are files of roots for code signing and for time stamping; empty means that no root of that kind is known.
func VerifyOssl(t testing.TB, file, rootPEM, tsaRootPEM string) (ok bool, output string) {
	t.Helper()
	return verifyOssl(t, []string{"-in", file}, rootPEM, tsaRootPEM)
}

// VerifyOsslCatalog asks osslsigncode whether a file is a member of a signed catalog, and about the catalog's signature.
func VerifyOsslCatalog(t testing.TB, catalog, file, rootPEM, tsaRootPEM string) (ok bool, output string) {
	t.Helper()
	return verifyOssl(t, []string{"-catalog", catalog, "-in", file}, rootPEM, tsaRootPEM)
}

func verifyOssl(t testing.TB, args []string, rootPEM, tsaRootPEM string) (bool, string) {
	t.Helper()
	args = append([]string{"verify"}, args...)
	if rootPEM != "" {
		args = append(args, "-CAfile", rootPEM)
	}
	if tsaRootPEM != "" {
		args = append(args, "-TSA-CAfile", tsaRootPEM)
	}
	out, err := Run(t, "osslsigncode", args...)
	return err == nil, out
}

// SignOssl signs a copy of a file with osslsigncode and returns its path. args are further arguments of its sign
// command ("-h", "sha384", "-ph", "-nest").
func SignOssl(t testing.TB, id *Identity, file string, args ...string) string {
	t.Helper()
	out := t.TempDir() + "/signed.exe"
	all := append([]string{"sign", "-certs", id.CertFile(t), "-key", id.KeyFile(t), "-h", "sha256"}, args...)
	MustRun(t, "osslsigncode", append(all, "-in", file, "-out", out)...)
	return out
}
