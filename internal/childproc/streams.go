package childproc

import (
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// streams are the pipes between this process and a program. They are made here,
// not by package exec, because exec.Cmd.Wait would wait for everything that has
// one of them open, and not just for the program.
type streams struct {
	theirs, ours []*os.File
	copies       []func()
	done         chan struct{} // closed when both output streams have ended
}

// connect gives cmd its three streams. Both output streams are copied to live,
// too, under one lock, so that lines of one do not tear lines of the other.
func (s *streams) connect(cmd *exec.Cmd, stdin io.Reader, stdout, stderr, live io.Writer) error {
	if live != nil {
		shared := &locked{w: live}
		stdout, stderr = io.MultiWriter(stdout, shared), io.MultiWriter(stderr, shared)
	}
	s.done = make(chan struct{})
	var output sync.WaitGroup
	output.Add(2)
	out, err := s.from(stdout, output.Done)
	if err != nil {
		return err
	}
	errs, err := s.from(stderr, output.Done)
	if err != nil {
		return err
	}
	s.copies = append(s.copies, func() { output.Wait(); close(s.done) })
	cmd.Stdout, cmd.Stderr = out, errs
	if stdin == nil {
		return nil
	}
	in, err := s.to(stdin)
	if err != nil {
		return err
	}
	cmd.Stdin = in
	return nil
}

// from returns the writing end of a pipe that is copied to w.
func (s *streams) from(w io.Writer, done func()) (*os.File, error) {
	r, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.ours, s.theirs = append(s.ours, r), append(s.theirs, theirs)
	s.copies = append(s.copies, func() {
		defer done()
		io.Copy(w, r) //nolint:errcheck // the writers do not fail, and a pipe that was closed has ended
	})
	return theirs, nil
}

// to returns the reading end of a pipe that r is copied to.
func (s *streams) to(r io.Reader) (*os.File, error) {
	theirs, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.ours, s.theirs = append(s.ours, w), append(s.theirs, theirs)
	s.copies = append(s.copies, func() {
		defer w.Close()
		io.Copy(w, r) //nolint:errcheck // a program need not read what it is given
	})
	return theirs, nil
}

// started begins to copy. The program has its ends now; ours of them are closed,
// so that a pipe ends with the program.
func (s *streams) started() {
	closeFiles(s.theirs)
	s.theirs = nil
	for _, c := range s.copies {
		go c()
	}
}

// drained waits for the end of both output streams, for at most d.
func (s *streams) drained(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.done:
		return true
	case <-t.C:
		return false
	}
}

// abandon closes what is open. What still copies ends when its pipe does.
func (s *streams) abandon() {
	closeFiles(s.theirs)
	go closeFiles(s.ours) // on Windows closing may wait for a reader of the pipe
	s.theirs, s.ours = nil, nil
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
