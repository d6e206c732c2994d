package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/identity/artifactsigning"
)

// test names the throw-away identity and the in-process time server.
const test = "test"

func (j *judgement) sign() {
	g := j.spec.Sign
	if g == nil {
		return
	}
	j.files("sign.chain", g.Chain)
	j.files("sign.additional_certs", g.AdditionalCerts)
	if g.Identity == test {
		for _, key := range []string{"password", "chain", "fetch_intermediates", "allow_incomplete_chain", "allow_ecdsa", "expect_eku", "expect_subject"} {
			j.refuse(j.spec.has("sign."+key), "sign."+key, "has no effect with sign.identity: test",
				"delete the line, or name a real identity")
		}
	}
	if kind, _, _ := strings.Cut(g.Identity, ":"); kind == artifactsigning.Kind && j.spec.Timestamp == nil {
		j.refuse(true, "sign", "needs the section timestamp: certificates of Artifact Signing end after three days, and the signatures with them",
			"add timestamp: {servers: [http://timestamp.acs.microsoft.com]}")
		return
	}
	v := j.spec.Verify
	needed := v == nil || v.RequireTimestamp == nil || *v.RequireTimestamp
	j.refuse(j.spec.Timestamp == nil && needed, "sign",
		"needs the section timestamp: without a timestamp the signatures die with the certificate",
		"add timestamp with its servers, or verify: {require_timestamp: false}")
}

func (j *judgement) timestamp() {
	t := j.spec.Timestamp
	if t == nil {
		return
	}
	j.refuse(j.spec.Sign == nil, "timestamp", "needs the section sign: there is nothing to stamp", "add sign, or delete timestamp")
	j.timeServers(t.Servers)
	j.refuse(len(t.Allow) > 0 && slices.Contains(t.Servers, test), "timestamp.allow", "has no effect with timestamp.servers: [test]",
		"delete the line, or name a real time server")
	j.refuse(t.Budget < t.RequestTimeout, "timestamp.budget",
		fmt.Sprintf("%v is shorter than timestamp.request_timeout, %v", t.Budget, t.RequestTimeout), "the budget covers all servers and attempts together")
	j.refuse(t.MinInterval > t.Budget, "timestamp.min_interval",
		fmt.Sprintf("%v is longer than timestamp.budget, %v", t.MinInterval, t.Budget), "raise the budget")
}

// timeServers demands test alone or addresses alone, and the one that goes
// with the identity: a test signature must not carry a real time, nor a real
// one a time that no authority confirms.
func (j *judgement) timeServers(servers []string) {
	tests := 0
	for _, s := range servers {
		if s == test {
			tests++
		}
	}
	if tests > 0 && tests < len(servers) {
		j.refuse(true, "timestamp.servers", "test stands beside real time servers", "write test alone, or addresses alone")
		return
	}
	g := j.spec.Sign
	if g == nil || g.Identity == "" || len(servers) == 0 {
		return
	}
	j.refuse(g.Identity == test && tests == 0, "timestamp.servers",
		"real time servers cannot be combined with sign.identity: test", "write servers: [test], or name a real identity")
	j.refuse(g.Identity != test && tests > 0, "timestamp.servers",
		"the time server test cannot be combined with a real sign.identity", "name real servers, such as http://timestamp.digicert.com")
}

func (j *judgement) verify() {
	v := j.spec.Verify
	if v == nil {
		return
	}
	j.files("verify.roots", v.Roots)
	j.files("verify.timestamp_roots", v.TimestampRoots)
	j.files("verify.crls", v.CRLs)
	j.files("verify.ocsp", v.OCSP)
	if j.spec.Sign == nil {
		j.refuse(true, "verify", "needs the section sign: there is no signature to judge", "add sign, or delete verify")
		return
	}
	j.revocation(v)
	j.onlyRoots(v)
	if j.spec.Sign.Identity == test {
		j.refuse(v.Class != "", "verify.class", "cannot be demanded of sign.identity: test", "delete the line, or name a real identity")
		j.refuse(v.Revocation != "off" && v.Revocation != "", "verify.revocation",
			"cannot be checked with sign.identity: test, whose certificates are never revoked", "write revocation: off")
	}
}

func (j *judgement) revocation(v *Verify) {
	j.refuse(v.Revocation == "files" && len(v.CRLs)+len(v.OCSP) == 0, "verify.revocation", "files needs verify.crls or verify.ocsp",
		"list the revocation list files in crls, files with OCSP responses in ocsp")
	if v.Revocation == "files" {
		return
	}
	useless := fmt.Sprintf("has no effect with verify.revocation: %s", v.Revocation)
	j.refuse(len(v.CRLs) > 0, "verify.crls", useless, "write revocation: files, or delete crls")
	j.refuse(len(v.OCSP) > 0, "verify.ocsp", useless, "write revocation: files, or delete ocsp")
}

func (j *judgement) onlyRoots(v *Verify) {
	if !v.OnlyTheseRoots {
		return
	}
	const at = "verify.only_these_roots"
	if j.spec.Sign.Identity == test {
		j.refuse(true, at, "cannot be combined with sign.identity: test, which makes its own root", "delete the line")
		return
	}
	j.refuse(len(v.Roots) == 0, at, "needs verify.roots: nothing would be trusted", "list the files in roots")
	j.refuse(j.spec.Timestamp != nil && len(v.TimestampRoots) == 0, at,
		"needs verify.timestamp_roots, as there is a section timestamp: no timestamp would be trusted", "list the files in timestamp_roots")
}

func (j *judgement) catalog() {
	c := j.spec.Catalog
	if c == nil {
		return
	}
	j.refuse(j.spec.Sign == nil, "catalog", "needs the section sign: Windows ignores an unsigned catalog", "add sign, or delete catalog")
	j.refuse(strings.HasSuffix(strings.ToLower(c.Name), ".cat"), "catalog.name",
		quote(c.Name)+" ends with .cat, which is added automatically", "write it without .cat")
	j.refuse(c.Version == 1 && j.spec.has("catalog.compat_sha1"), "catalog.compat_sha1",
		"has no effect with catalog.version: 1, which is all SHA-1", "delete the line")
	for _, name := range slices.Sorted(maps.Keys(c.Attributes)) {
		upper := strings.ToUpper(name)
		j.refuse(strings.HasPrefix(upper, "HWID") && digits.MatchString(upper[4:]), join("catalog.attributes", name),
			"is written by catalog.hardware_ids", "list the hardware IDs there")
	}
}
