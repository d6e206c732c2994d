// Package artifactsigning signs with Azure Artifact Signing, formerly Trusted
// Signing: a service that holds the key and issues a certificate of three days
// for it, anew each day. The certificate comes with each signature.
//
// Sources: the service's REST API as its generated clients have it (version
// 2022-06-15-preview), and Microsoft Learn, "Set up signing integrations to use
// Artifact Signing".
package artifactsigning

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/azure"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// Kind begins the short form, Syntax is what follows.
const (
	Kind   = "artifact-signing"
	Syntax = "ACCOUNT/PROFILE?endpoint=HOST"
)

const name = "Azure Artifact Signing"

// scope of tokens, whatever the region. A slash at the end of the audience is
// refused by the service.
const scope = "https://codesigning.azure.net/.default"

// form is artifact-signing:ACCOUNT/PROFILE?endpoint=HOST or
// artifact-signing:metadata.json.
type form struct {
	file    string // metadata.json, "" when the rest is set
	profile profile
	options service.Options
}

// profile names a certificate profile.
type profile struct {
	endpoint      *url.URL
	account, name string
	correlation   string   // CorrelationId of metadata.json
	exclude       []string // ExcludeCredentials of metadata.json
}

// Names (Microsoft.CodeSigning resource schema): letters, digits and single
// hyphens within, no digit first.
var nameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$`)

// Parse takes what follows artifact-signing: apart.
func Parse(rest string) (service.Form, error) {
	body, o, err := service.SplitOptions(Kind, rest, append([]string{"endpoint"}, azure.OptionNames...)...)
	if err != nil {
		return nil, err
	}
	if err := azure.Check(Kind, o); err != nil {
		return nil, err
	}
	if strings.HasSuffix(strings.ToLower(body), ".json") {
		if o["endpoint"] != "" {
			return nil, fault.New(fault.Usage, "identity artifact-signing: the file %s names the endpoint", body).Hint("leave the option endpoint out")
		}
		return form{file: body, options: o}, nil
	}
	account, prof, ok := strings.Cut(body, "/")
	if !ok {
		return nil, fault.New(fault.Usage, "identity artifact-signing: needs an account and a certificate profile").
			Hint("write artifact-signing:ACCOUNT/PROFILE?endpoint=weu.codesigning.azure.net, or artifact-signing:metadata.json")
	}
	if o["endpoint"] == "" {
		return nil, fault.New(fault.Usage, "identity artifact-signing: needs the endpoint of the account's region").
			Hint("add ?endpoint=HOST: the account's «Account URI», such as weu.codesigning.azure.net for West Europe")
	}
	u, err := o.Endpoint(Kind, "endpoint", "")
	if err != nil {
		return nil, err
	}
	f := form{profile: profile{endpoint: u, account: account, name: prof}, options: o}
	return f, f.profile.check("identity artifact-signing")
}

// check judges the names; where names their place.
func (p profile) check(where string) error {
	for _, n := range []struct {
		what, value string
		least, most int
	}{{"an account", p.account, 3, 24}, {"a certificate profile", p.name, 5, 100}} {
		if len(n.value) < n.least || len(n.value) > n.most || !nameForm.MatchString(n.value) {
			return fault.New(fault.Usage, "%s: %q is not the name of %s", where, n.value, n.what).
				Hint("it has %d to %d letters, digits and single hyphens, and begins with a letter", n.least, n.most)
		}
	}
	return nil
}

// Service names the service.
func (form) Service() string { return name }

// Files is metadata.json, if that is what is named.
func (f form) Files() []string {
	if f.file == "" {
		return nil
	}
	return []string{f.file}
}

// Secrets are the variables in which credentials are looked for.
func (form) Secrets() []secret.Ref { return azure.Secrets() }

// Connect reads metadata.json and finds the credential.
func (f form) Connect(env service.Env) (service.Key, error) {
	p := f.profile
	if f.file != "" {
		var err error
		if p, err = readMetadata(env, f.file); err != nil {
			return nil, err
		}
	}
	tokens, err := azure.Find(env, azure.Settings{Options: f.options, Exclude: p.exclude})
	if err != nil {
		return nil, err
	}
	k := &key{profile: p, tokens: tokens}
	k.caller = env.NewCaller(name, service.Dialect{Read: read, Judge: service.Judge500, Hints: k.hints,
		RequestIDs: []string{"X-Ms-Request-Id", "X-Azure-Ref", "X-Ms-Correlation-Request-Id"}})
	k.auth = service.Bearer{Token: &service.Credential[string]{Fetch: k.token, Now: k.caller.Now}}
	return k, nil
}
