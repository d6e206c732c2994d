package identity

import (
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// Kinds of identities, as their short forms begin.
const (
	KindTest   = "test"
	KindPKCS12 = "pkcs12"
	KindPEM    = "pem"
	KindPKCS11 = "pkcs11"
	KindExec   = "exec"
)

// Ref is the short form of an identity, taken apart. Which fields are set
// depends on Kind.
type Ref struct {
	Kind  string
	File  string   // pkcs12: the file; pem: the key
	Pick  string   // pkcs12: which key, by its name or the thumbprint of its certificate
	Chain string   // pem: the certificates
	Token TokenURI // pkcs11
	Args  []string // exec: the program and its arguments
	// Remote is the form of a key in a service.
	Remote service.Form
	text   string
}

// String is the short form again. It never holds a secret, because ParseRef
// accepts none.
func (r Ref) String() string { return r.text }

// Parallel is how many signatures make sense at a time: a token has one
// session, services are slow and limit their rate, and 0 stands for a key in
// memory, which only the processors limit.
func (r Ref) Parallel() int {
	switch r.Kind {
	case KindPKCS11:
		return 1
	case KindExec:
		return execParallel
	}
	if r.Remote != nil {
		return service.Parallel
	}
	return 0
}

// Files are the files that the short form names, as they are written there.
func (r Ref) Files() []string {
	var files []string
	for _, f := range []string{r.File, r.Chain} {
		if f != "" {
			files = append(files, f)
		}
	}
	if r.Remote != nil {
		files = append(files, r.Remote.Files()...)
	}
	return files
}

func formsHint() string { return "the forms are: " + Forms() }

// ParseRef takes the short form of an identity apart:
//
//	test              the throw-away identity in .hallmark
//	pkcs12:FILE#KEY   a PFX file; #KEY chooses among several keys and may be left out
//	pem:KEY,CHAIN     a private key and its certificates, in two files
//	pkcs11:URI        a key in a token, as RFC 7512 writes it: pkcs11:token=…;object=…?module-path=…
//	exec:PROGRAM ARG… a program that signs; see the protocol in docs/identities.md
//
// and the kinds behind services, see Forms.
//
// Only the form is checked, no file is touched. The error is a *fault.Error
// (Usage) with a hint.
func ParseRef(s string) (Ref, error) {
	kind, rest, found := strings.Cut(s, ":")
	r := Ref{Kind: kind, text: s}
	if s == "" {
		return Ref{}, fault.New(fault.Usage, "identity: nothing given").Hint("%s", formsHint())
	}
	if strings.ContainsAny(s, "\x00\r\n") {
		return Ref{}, fault.New(fault.Usage, "identity: control character in the short form").Hint("%s", formsHint())
	}
	if kind != KindTest && !found {
		return Ref{}, unknownKind(s)
	}
	return parseKind(r, rest, found)
}

func parseKind(r Ref, rest string, colon bool) (Ref, error) {
	var err error
	switch r.Kind {
	case KindTest:
		if colon {
			err = fault.New(fault.Usage, "identity test: takes no argument").Hint("write test and nothing after it")
		}
	case KindPKCS12:
		r.File, r.Pick, err = fileAndKey(rest)
	case KindPEM:
		r.File, r.Chain, err = keyAndChain(rest)
	case KindPKCS11:
		r.Token, err = ParseTokenURI(r.text)
	case KindExec:
		r.Args, err = splitCommand(rest)
	default:
		k := remoteOf(r.Kind)
		if k == nil {
			return Ref{}, unknownKind(r.text)
		}
		r.Remote, err = k.parse(rest)
	}
	if err != nil {
		return Ref{}, err
	}
	return r, nil
}

// unknownKind guesses what was meant by a form without a known kind.
func unknownKind(s string) error {
	kind, _, _ := strings.Cut(s, ":")
	lower := strings.ToLower(s)
	e := fault.New(fault.Usage, "identity: unknown kind %q", kind)
	switch {
	case strings.HasSuffix(lower, ".pfx") || strings.HasSuffix(lower, ".p12"):
		e.Hint("did you mean pkcs12:%s?", strings.TrimPrefix(s, kind+":"))
	case strings.HasSuffix(lower, ".pem") || strings.HasSuffix(lower, ".key"):
		e.Hint("did you mean pem:KEY,CHAIN?")
	case kind == "pfx" || kind == "p12":
		e.Hint("did you mean pkcs12:?")
	case strings.ToLower(kind) != kind && isKind(strings.ToLower(kind)):
		e.Hint("did you mean %s, in lower case?", strings.ToLower(kind))
	}
	if len(e.Hints) > 0 {
		return e
	}
	return e.Hint("%s", formsHint())
}

func isKind(kind string) bool {
	return remoteOf(kind) != nil || slices.Contains([]string{KindTest, KindPKCS12, KindPEM, KindPKCS11, KindExec}, kind)
}

func fileName(kind, s string) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", fault.New(fault.Usage, "identity %s: names no file", kind).Hint("write %s:FILE", kind)
	}
	return s, nil
}

// fileAndKey takes pkcs12:FILE#KEY apart. The last # counts, since a key's name
// is shorter than a path is odd.
func fileAndKey(s string) (file, key string, err error) {
	if i := strings.LastIndexByte(s, '#'); i >= 0 {
		if s, key = s[:i], strings.TrimSpace(s[i+1:]); key == "" {
			return "", "", fault.New(fault.Usage, "identity pkcs12: no key is named after #").Hint("write pkcs12:FILE, or pkcs12:FILE#NAME with the key's name or thumbprint")
		}
	}
	file, err = fileName(KindPKCS12, s)
	return file, key, err
}

func keyAndChain(s string) (key, chain string, err error) {
	parts := strings.Split(s, ",")
	if len(parts) != 2 || strings.TrimSpace(parts[0]) == "" || strings.TrimSpace(parts[1]) == "" {
		e := fault.New(fault.Usage, "identity pem: needs a key file and a certificate file, got %d of 2", countNamed(parts))
		if len(parts) > 2 {
			e = fault.New(fault.Usage, "identity pem: needs two files, got %d", len(parts)).
				Hint("a path must not hold a comma; further certificate files belong in sign.chain")
		}
		return "", "", e.Hint("write pem:KEY,CHAIN, such as pem:code.key,code.pem")
	}
	return strings.TrimSpace(parts[0]), strings.TrimSpace(parts[1]), nil
}

func countNamed(parts []string) (n int) {
	for _, p := range parts {
		if strings.TrimSpace(p) != "" {
			n++
		}
	}
	return n
}

// splitCommand splits the command of an exec identity.
func splitCommand(s string) ([]string, error) {
	words, err := service.SplitWords(s)
	if err != nil {
		return nil, fault.New(fault.Usage, "identity exec: %v", err).
			Hint("to write a quote character, put it between quotes of the other kind")
	}
	if len(words) == 0 || words[0] == "" {
		return nil, fault.New(fault.Usage, "identity exec: names no program").
			Hint("write exec:PROGRAM, or exec:PROGRAM ARG… with quotes around words that hold spaces")
	}
	return words, nil
}
