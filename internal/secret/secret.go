// Package secret refers to passwords and PINs without holding them: a
// reference names an environment variable or a file, and the value is read
// only where it is used. Withhold keeps them out of the environment of child
// programs, MaskText out of what such a program has printed.
package secret

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/text"
)

// MaxSize is the most bytes that a secret may have. A password file is one
// line; anything larger is the wrong file.
const MaxSize = 64 << 10

// Ref says where a secret is to be found: "env:NAME" or "file:PATH". The zero
// value means that there is none. A Ref is safe to print.
type Ref string

// Parse checks the form of s and returns it as a Ref; an empty s is the empty
// Ref. Anything that is not a reference may be the secret itself, so the
// error (a *fault.Error, status Usage) never repeats s.
func Parse(s string) (Ref, error) {
	kind, rest, found := strings.Cut(s, ":")
	switch {
	case s == "":
		return "", nil
	case found && kind == "env":
		return Ref(s), checkName(rest)
	case found && kind == "file" && rest == "":
		return "", fault.New(fault.Usage, "secret reference file: names no file").
			Hint("write file:PATH, such as file:/run/secrets/signing-password")
	case found && kind == "file":
		return Ref(s), nil
	}
	return "", fault.New(fault.Usage, "a secret must be given as a reference, not as its value").
		Hint("write env:NAME for an environment variable or file:PATH for a file that holds it").
		Hint("a value that was written down here should be considered exposed: change it")
}

func checkName(name string) error {
	if name == "" {
		return fault.New(fault.Usage, "secret reference env: names no variable").
			Hint("write env:NAME, such as env:SIGNING_PASSWORD")
	}
	if strings.ContainsAny(name, "=$%{} \t\r\n\x00") {
		return fault.New(fault.Usage, "secret reference env: is not followed by the name of an environment variable").
			Hint("write the bare name, such as env:SIGNING_PASSWORD: no $, no braces, no value")
	}
	return nil
}

// Source is what secrets are read from.
type Source struct {
	Dir    string              // relative file: paths start here; "" is the working directory
	Getenv func(string) string // nil is os.Getenv
	Warn   func(string)        // told about a file that others can read; nil drops it
}

// Resolve reads the secret from the environment that getenv gives access to
// (nil is os.Getenv), or from a file below the working directory.
func (r Ref) Resolve(getenv func(string) string) ([]byte, error) {
	return Source{Getenv: getenv}.Resolve(r)
}

// Resolve reads the secret that r refers to. One newline at the end of a
// file (LF or CRLF) is cut off, because editors and echo add it, and so is a
// byte order mark; with one, the file may also be UTF-16, as PowerShell 5
// writes it. Everything else belongs to the secret. The empty Ref gives nil. Errors are
// *fault.Error with status Usage and never hold any part of the secret.
func (s Source) Resolve(r Ref) ([]byte, error) {
	if _, err := Parse(string(r)); err != nil || r == "" {
		return nil, err
	}
	kind, rest, _ := strings.Cut(string(r), ":")
	if kind == "env" {
		return s.fromEnv(rest)
	}
	return s.fromFile(rest)
}

// noSecret is for a key whose password is the empty one, which PFX files may have.
const noSecret = "a key without password, or with an empty one, needs no reference: leave it out (sign.password, -password=)"

func (s Source) fromEnv(name string) ([]byte, error) {
	getenv := s.Getenv
	if getenv == nil {
		getenv = os.Getenv
	}
	v := getenv(name)
	if v == "" {
		return nil, fault.New(fault.Usage, "reading secret: environment variable %s is not set or empty", name).
			Hint("set %s, or refer to a file with file:PATH", name).Hint(noSecret)
	}
	return []byte(v), nil
}

func (s Source) fromFile(path string) ([]byte, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.Dir, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.Usage, "reading secret: %v", err).
			Hint("the file must exist and hold the secret alone")
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && s.Warn != nil && Exposed(st.Mode()) {
		s.Warn(fmt.Sprintf("%s can be read by other users (mode %04o): chmod 600 it", path, st.Mode().Perm()))
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, fault.New(fault.Usage, "reading secret: %v", err)
	}
	if len(b) > MaxSize {
		return nil, fault.New(fault.Usage, "reading secret: %s is larger than %d bytes, so it is not a password", path, MaxSize)
	}
	if text.Marked(b) {
		plain, err := text.Decode(b)
		if err != nil {
			return nil, fault.New(fault.Usage, "reading secret: %s: %v", path, err)
		}
		b = []byte(plain)
	}
	if b = trimNewline(b); len(b) == 0 {
		return nil, fault.New(fault.Usage, "reading secret: %s is empty", path).Hint(noSecret)
	}
	return b, nil
}

func trimNewline(b []byte) []byte {
	if t, ok := bytes.CutSuffix(b, []byte("\n")); ok {
		return bytes.TrimSuffix(t, []byte("\r"))
	}
	return b
}

// Exposed reports whether a file of that mode can be read by others than its
// owner. Windows has no such bits, so there it is always false.
func Exposed(m fs.FileMode) bool {
	return runtime.GOOS != "windows" && m.IsRegular() && m.Perm()&0o077 != 0
}

// Changeable reports whether a file or folder of that mode can be changed by
// others than its owner. Windows has no such bits; there it is always false, and
// what lies in the profile of a user is protected by its access control list.
func Changeable(m fs.FileMode) bool {
	return runtime.GOOS != "windows" && m.Type()&fs.ModeSymlink == 0 && m.Perm()&0o022 != 0
}
