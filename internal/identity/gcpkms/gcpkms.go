// Package gcpkms signs with asymmetric keys of Google Cloud KMS.
//
// Sources: Cloud KMS REST reference (projects.locations.keyRings.cryptoKeys.
// cryptoKeyVersions: getPublicKey, asymmetricSign), and "Verifying end-to-end
// data integrity".
package gcpkms

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// Kind begins the short form, Syntax is what follows.
const (
	Kind   = "gcpkms"
	Syntax = "projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N"
)

const name = "Google Cloud KMS"

// form is gcpkms:NAME?OPTIONS.
type form struct {
	name    string // of the key version, as Google writes it
	options service.Options
}

var nameForm = regexp.MustCompile(`^projects/[a-z0-9.:-]{1,80}/locations/[a-z0-9-]{1,40}/keyRings/[A-Za-z0-9_-]{1,63}/cryptoKeys/[A-Za-z0-9_-]{1,63}/cryptoKeyVersions/[0-9]{1,10}$`)

// Parse takes what follows gcpkms: apart.
func Parse(rest string) (service.Form, error) {
	body, o, err := service.SplitOptions(Kind, rest, "endpoint")
	if err != nil {
		return nil, err
	}
	f := form{name: body, options: o}
	switch {
	case nameForm.MatchString(body):
	case nameForm.MatchString(body + "/cryptoKeyVersions/1"):
		return nil, fault.New(fault.Usage, "identity gcpkms: names a key but no version of it").
			Hint("add /cryptoKeyVersions/N: a certificate belongs to one version")
	default:
		return nil, fault.New(fault.Usage, "identity gcpkms: is not the name of a key version").
			Hint("write gcpkms:%s; gcloud kms keys versions list shows it", Syntax)
	}
	_, err = o.Endpoint(Kind, "endpoint", "cloudkms.googleapis.com")
	return f, err
}

// location of the key, such as europe-west1.
func (f form) location() string { return strings.Split(f.name, "/")[3] }

// cryptoKey is the name without the version.
func (f form) cryptoKey() string {
	name, _, _ := strings.Cut(f.name, "/cryptoKeyVersions/")
	return name
}

// Service names the service.
func (form) Service() string { return name }

// Files: there are none.
func (form) Files() []string { return nil }

// key is a key version.
type key struct {
	form
	caller   *service.Caller
	endpoint *url.URL
	header   http.Header
	auth     service.Authorizer
	from     string // where the credential comes from

	algorithm algorithm // set by Open, before anything signs
}

// Connect finds the credential.
func (f form) Connect(env service.Env) (service.Key, error) {
	k := &key{form: f, header: http.Header{"Content-Type": {"application/json"}}}
	var err error
	if k.endpoint, err = f.options.Endpoint(Kind, "endpoint", "cloudkms.googleapis.com"); err != nil {
		return nil, err
	}
	k.caller = env.NewCaller(name, service.Dialect{Read: read, Judge: service.Judge500, Hints: k.hints})
	c, err := find(env, k.caller.Secret)
	if err != nil {
		return nil, err
	}
	if c.project != "" {
		k.header.Set("X-Goog-User-Project", c.project)
	}
	k.from = c.from
	k.auth = service.Bearer{Token: &service.Credential[string]{Fetch: c.token, Now: k.caller.Now}}
	return k, nil
}
