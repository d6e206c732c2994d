package step

import (
	"fmt"
	"io"
	"os"

	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/pinned"
)

// Open opens a file of the release, path relative to the project, for a step
// from verify on. It gives the bytes that an earlier step judged, listed or
// wrote, and refuses others: what is shipped is what was verified. A file that
// no step knows is an error too.
//
// These steps read files of the release in no other way; a test holds them to
// it.
func (r *Run) Open(path string) (*pinned.File, error) {
	b, ok := r.Ledger.Bound(path)
	if !ok {
		return nil, fault.New(fault.Other, "no step of this release has made %s", path).Hint("run %s for everything", command.Line("release"))
	}
	f, err := pinned.Open(r.Abs(path))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if err := refuseOther(path, b, f.Sum()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Admit opens a file that the step is the first to judge or list. The step puts
// its Sum into Result.Bound, which holds all later steps to the same bytes.
func (r *Run) Admit(path string) (*pinned.File, error) {
	f, err := pinned.Open(r.Abs(path))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return f, nil
}

// Unaltered refuses bytes of path that are not those which a step wrote there.
func (r *Run) Unaltered(path string, have pinned.Sum) error {
	if b, ok := r.Ledger.Wrote(path); ok {
		return refuseOther(path, b, have)
	}
	return nil
}

// ReadFile returns the contents of a file that Open would open, of at most 1 GiB.
func (r *Run) ReadFile(path string) ([]byte, error) {
	f, err := r.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const limit = 1 << 30
	if f.Size() > limit {
		return nil, fmt.Errorf("reading %s: %d bytes are more than the limit of %d", path, f.Size(), limit)
	}
	b := make([]byte, f.Size())
	if _, err := f.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return b, nil
}

// Copy copies a file that Open would open to the output at dst.
func (r *Run) Copy(dst, path string) error {
	f, err := r.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.WriteFunc(dst, func(out *os.File) error {
		_, err := io.Copy(out, io.NewSectionReader(f, 0, f.Size()))
		return err
	})
}

// Confirm reads a file that Open would open, and refuses other bytes.
func (r *Run) Confirm(path string) (pinned.Sum, error) {
	f, err := r.Open(path)
	if err != nil {
		return pinned.Sum{}, err
	}
	return f.Sum(), f.Close()
}

// ReadUnbound returns the contents of a file that is not shipped and that no
// step before has said anything about: a template that the spec names, a state
// of ours that the caller judges itself.
func (r *Run) ReadUnbound(path string) ([]byte, error) { return os.ReadFile(r.Abs(path)) }

// refuseOther is the error about bytes other than those bound.
func refuseOther(path string, b ledger.Binding, have pinned.Sum) error {
	want := b.Sum
	if have.SHA256 == want.SHA256 && (want.Size < 0 || have.Size == want.Size) {
		return nil
	}
	did := "wrote"
	if b.Judged {
		did = "examined"
	}
	detail := fmt.Sprintf("SHA-256 is %s, not %s", have.SHA256, want.SHA256)
	if want.Size >= 0 && have.Size != want.Size {
		detail = fmt.Sprintf("%d bytes, not %d; %s", have.Size, want.Size, detail)
	}
	return fault.New(fault.Verification, "%s is not what the step %s %s (%s)", path, b.Step, did, detail).
		Hint("something changed the file meanwhile: find out what, then run %s, which makes it again", command.Line("release"))
}
