package authenticode

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// classNames are the names by which people ask for a class. EV is more than OV.
var classNames = map[string][]certchain.Class{
	"ev":               {certchain.ClassEV},
	"ov":               {certchain.ClassOV, certchain.ClassEV},
	"artifact-signing": {certchain.ClassArtifactSigningPublic},
}

// ClassesNamed returns what goes into Require.Classes for ev, ov (which EV meets too)
// or artifact-signing; any other name is an error.
func ClassesNamed(name string) ([]certchain.Class, error) {
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
	if len(q.Publishers) > 0 && !slices.ContainsFunc(q.Publishers, func(p string) bool { return certchain.HasName(j.cert, p) }) {
		j.find(strict(CheckRequired, "the publisher is %s, required is %q", certchain.Name(j.cert), q.Publishers))
	}
	if class := certchain.Classify(j.cert); len(q.Classes) > 0 && !slices.Contains(q.Classes, class) {
		j.find(strict(CheckRequired, "%s is of class %s, required is %v", certchain.Name(j.cert), class, q.Classes))
	}
	have := certchain.EKUs(j.cert)
	for _, want := range q.EKUs {
		if !slices.Contains(have, want) {
			j.find(strict(CheckRequired, "%s lacks the required extended key usage %s", certchain.Name(j.cert), want))
		}
	}
	if len(q.Thumbprints) > 0 && !slices.ContainsFunc(q.Thumbprints, func(t string) bool { return isThumbprint(j.cert, t) }) {
		j.find(strict(CheckRequired, "%s is not one of the required certificates", certchain.Name(j.cert)))
	}
	return true
}

func isThumbprint(c *x509.Certificate, t string) bool {
	s1, s256 := sha1.Sum(c.Raw), sha256.Sum256(c.Raw)
	t = strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(t))
	return t == hex.EncodeToString(s1[:]) || t == hex.EncodeToString(s256[:])
}
