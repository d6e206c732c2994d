package authenticode

import (
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// classNames are the names by which people ask for a class. EV is more than OV.
var classNames = map[string][]Class{
	"ev":               {ClassEV},
	"ov":               {ClassOV, ClassEV},
	"artifact-signing": {ClassArtifactSigningPublic},
}

// ClassesNamed returns what goes into Require.Classes for ev, ov (which EV meets too) or artifact-signing; any other name is an error.
func ClassesNamed(name string) ([]Class, error) {
	cs, ok := classNames[name]
	if !ok {
		return nil, fmt.Errorf("no class of certificate %q can be required: ev, ov or artifact-signing", name)
	}
	return slices.Clone(cs), nil
}

// require applies the caller's policy to the first signature.
func (j *judging) require(context.Context) bool {
	q := j.v.opts.Require
	if j.m.report.Index != 0 {
		return true
	}
	if len(q.Publishers) > 0 && !slices.ContainsFunc(q.Publishers, func(p string) bool { return IsPublisher(j.cert, p) }) {
		j.find(strict(CheckRequired, "the publisher is %s, required is %q", name(j.cert), q.Publishers))
	}
	if class := Classify(j.cert); len(q.Classes) > 0 && !slices.Contains(q.Classes, class) {
		j.find(strict(CheckRequired, "%s is of class %s, required is %v", name(j.cert), class, q.Classes))
	}
	have := EKUs(j.cert)
	for _, want := range q.EKUs {
		if !slices.Contains(have, want) {
			j.find(strict(CheckRequired, "%s lacks the required extended key usage %s", name(j.cert), want))
		}
	}
	if len(q.Thumbprints) > 0 && !slices.ContainsFunc(q.Thumbprints, func(t string) bool { return isThumbprint(j.cert, t) }) {
		j.find(strict(CheckRequired, "%s is not one of the required certificates", name(j.cert)))
	}
	return true
}

func isThumbprint(c *x509.Certificate, t string) bool {
	s1, s256 := sha1.Sum(c.Raw), thumbprint(c)
	t = strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(t))
	return t == hex.EncodeToString(s1[:]) || t == hex.EncodeToString(s256[:])
}

// IsPublisher reports whether want is the common name of c or its whole subject. Names are compared as RFC 5280 section 7.1 says of
// directory strings: without regard to case, and with any run of white space as one space.
func IsPublisher(c *x509.Certificate, want string) bool {
	want = foldName(want)
	return want != "" && (want == foldName(c.Subject.CommonName) || want == foldName(c.Subject.String()))
}

// foldName gives names that match the same form.
func foldName(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
