//go:build unix

package args

import (
	"syscall"
	"testing"
)

// A pipe without a writer would be waited for without end, wherever a file can
// be named.
func TestPipesAreRefused(t *testing.T) {
	shelf(t)
	if err := syscall.Mkfifo("pipe.exe", 0o600); err != nil {
		t.Skip("no named pipes here:", err)
	}
	for _, in := range []string{"pipe.exe", "*.exe", "p*", "@pipe.exe", "a.exe,@pipe.exe"} {
		_, err := Files{In: in}.Expand()
		usage(t, err, "a named pipe, not a file")
	}
	_, err := Read("signature", "pipe.exe")
	usage(t, err, "a named pipe, not a file")
	_, err = Open("pipe.exe")
	usage(t, err, "a named pipe, not a file")
	_, err = Files{In: "/dev/zero"}.Expand()
	usage(t, err, "/dev/zero is a device, not a file")
	_, err = Verification{Catalogs: "pipe.exe"}.Options()
	usage(t, err, "a named pipe, not a file")
	_, err = Verification{CRLs: "pipe.exe"}.Options()
	usage(t, err, "not a")
	_, err = Trusted{Roots: "pipe.exe"}.Open()
	usage(t, err, "not a")
}
