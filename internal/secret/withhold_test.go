package secret

import (
	"runtime"
	"slices"
	"testing"
)

func TestWithhold(t *testing.T) {
	env := []string{"PATH=/bin", "PIN=1234", "PIN2=x", "pin=other", "EMPTY=", "PASSWORD=a=b", "=C:=C:\\"}
	want := []string{"PATH=/bin", "PIN2=x", "pin=other", "EMPTY=", "=C:=C:\\"}
	if runtime.GOOS == "windows" {
		want = slices.Delete(want, 2, 3)
	}
	got := Withhold(env, "env:PIN", "file:/PATH", "", "env:PASSWORD", "env:ABSENT")
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Withhold(env); !slices.Equal(got, env) {
		t.Errorf("without secrets: %q", got)
	}
}
