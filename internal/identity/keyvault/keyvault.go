// Package keyvault signs with keys of Azure Key Vault and Managed HSM.
//
// Sources: Azure Key Vault REST API reference, version 7.4 (Get Certificate,
// Get Key, Sign), and "Authentication, requests and responses".
package keyvault

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
	Kind   = "keyvault"
	Syntax = "https://NAME.vault.azure.net/CERTIFICATE"
)

const name = "Azure Key Vault"

// form is keyvault:VAULT/CERTIFICATE[/VERSION] or keyvault:VAULT/keys/KEY[/VERSION].
type form struct {
	vault   *url.URL
	bare    bool // a key without certificate
	object  string
	version string // "" is the newest
	options service.Options
}

var (
	objectForm  = regexp.MustCompile(`^[0-9A-Za-z-]{1,127}$`)
	versionForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// Parse takes what follows keyvault: apart.
func Parse(rest string) (service.Form, error) {
	body, o, err := service.SplitOptions(Kind, rest, azure.OptionNames...)
	if err != nil {
		return nil, err
	}
	if err := azure.Check(Kind, o); err != nil {
		return nil, err
	}
	u, err := service.Endpoint("identity keyvault: the vault", body)
	if err != nil {
		return nil, err
	}
	f := form{vault: &url.URL{Scheme: u.Scheme, Host: u.Host}, options: o}
	parts := strings.Split(strings.TrimPrefix(u.Path, "/"), "/")
	if len(parts) > 1 && (parts[0] == "keys" || parts[0] == "certificates") {
		f.bare = parts[0] == "keys"
		parts = parts[1:]
	}
	if len(parts) > 2 || !objectForm.MatchString(parts[0]) {
		return nil, fault.New(fault.Usage, "identity keyvault: needs the vault's address and the name of a certificate").
			Hint("write keyvault:https://NAME.vault.azure.net/CERTIFICATE, or …/keys/KEY with the certificate in sign.chain")
	}
	f.object = parts[0]
	if len(parts) == 2 {
		if f.version = parts[1]; !versionForm.MatchString(f.version) {
			return nil, fault.New(fault.Usage, "identity keyvault: %q is not a version", f.version).Hint("a version has 32 hexadecimal digits; without one the newest is used")
		}
	}
	if f.managed() && !f.bare {
		return nil, fault.New(fault.Usage, "identity keyvault: a managed HSM holds no certificates").Hint("write keyvault:%s/keys/%s, and name the certificate in sign.chain", f.vault, f.object)
	}
	return f, nil
}

// managed tells a managed HSM from a vault.
func (f form) managed() bool { return strings.Contains(f.vault.Hostname(), ".managedhsm.") }

// Service names the service.
func (f form) Service() string {
	if f.managed() {
		return "Azure Managed HSM"
	}
	return name
}

// Files: there are none.
func (form) Files() []string { return nil }

// Secrets are the variables in which credentials are looked for.
func (form) Secrets() []secret.Ref { return azure.Secrets() }

// Connect finds the credential.
func (f form) Connect(env service.Env) (service.Key, error) {
	tokens, err := azure.Find(env, azure.Settings{Options: f.options})
	if err != nil {
		return nil, err
	}
	k := &key{form: f, tokens: tokens}
	k.caller = env.NewCaller(f.Service(), service.Dialect{Read: read, Judge: service.Judge500, Hints: k.hints, RequestIDs: []string{"X-Ms-Request-Id"}})
	k.auth = service.Bearer{Token: &service.Credential[string]{Fetch: k.token, Now: k.caller.Now}}
	return k, nil
}
