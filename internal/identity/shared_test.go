package identity_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
)

// TestSharedFolder: keys in a folder that others can write to are refused.
func TestSharedFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no mode bits")
	}
	dir := t.TempDir()
	open := func() error {
		id, err := identity.Open(context.Background(), "test", identity.Options{Dir: dir})
		if err == nil {
			err = id.Close()
		}
		return err
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	for _, shared := range []string{".hallmark", ".hallmark/test-identity-1"} {
		path := filepath.Join(dir, shared)
		for mode, ok := range map[os.FileMode]bool{0o777: false, 0o770: false, 0o702: false, 0o755: true, 0o700: true} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			err := open()
			if (err == nil) != ok || err != nil && (fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), path)) {
				t.Errorf("%s with mode %o: %v", shared, mode, err)
			}
		}
		if err := os.Chmod(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}
