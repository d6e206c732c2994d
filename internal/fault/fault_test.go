package fault

import (
	"errors"
	"fmt"
	"testing"
)

func TestStatus(t *testing.T) {
	service := New(Service, "time server down")
	refused := New(Verification, "bad digest")
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"plain":                 {errors.New("x"), Other},
		"direct":                {service, Service},
		"wrapped":               {fmt.Errorf("timestamp: %w", service), Service},
		"joined, worst wins":    {errors.Join(service, refused, errors.New("x")), Verification},
		"joined inside wrapped": {fmt.Errorf("a: %w", errors.Join(errors.New("x"), service)), Service},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Status(c.err); got != c.want {
				t.Errorf("Status is %d, want %d", got, c.want)
			}
			exit, ok := Exit(c.err).(interface{ ExitStatus() int })
			if !ok || exit.ExitStatus() != c.want {
				t.Errorf("Exit(…) does not carry status %d", c.want)
			}
		})
	}
	if Exit(nil) != nil {
		t.Error("Exit(nil) is not nil")
	}
}

func TestErrorText(t *testing.T) {
	err := New(Usage, "reading %s", "release.yaml").Hint("run %q", "mage init")
	want := "reading release.yaml\nhint: run \"mage init\""
	if err.Error() != want {
		t.Errorf("got %q, want %q", err.Error(), want)
	}
}

func TestEachProblemIsNamed(t *testing.T) {
	a, b := New(Usage, "a").Hint("do a"), New(Service, "b")
	err := Exit(errors.Join(a, errors.Join(b, errors.New("c"))))
	if want := "a\nhint: do a\nError: b\nError: c"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if n := len(Problems(err)); n != 3 {
		t.Errorf("%d problems, want 3", n)
	}
	if got := Status(err); got != Usage {
		t.Errorf("status %d", got)
	}
	one := Exit(fmt.Errorf("sign: %w", errors.Join(a, b)))
	if n := len(Problems(one)); n != 1 {
		t.Errorf("an error around joined ones is one problem, got %d", n)
	}
}
