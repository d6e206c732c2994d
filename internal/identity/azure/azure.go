// Package azure gets Microsoft Entra tokens for the kinds of identities that
// lie in Azure.
//
// Sources: Microsoft identity platform, "OAuth 2.0 client credentials flow"
// and "Application authentication certificate credentials"; Azure Identity
// client libraries, for the variables and their order; "How to use managed
// identities to acquire an access token".
package azure

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/oidc"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// OptionNames are the options of short forms that choose a credential.
var OptionNames = []string{"tenant_id", "client_id", "oidc_token"}

// Secrets are the variables in which credentials are looked for.
func Secrets() []secret.Ref {
	return append(oidc.Secrets(), "env:AZURE_CLIENT_SECRET", "env:AZURE_CLIENT_CERTIFICATE_PASSWORD", "env:IDENTITY_HEADER")
}

// audience of identity tokens that Entra trades (token exchange).
const audience = "api://AzureADTokenExchange"

// Settings say whose token is wanted.
type Settings struct {
	Options service.Options // of the short form, with OptionNames
	// Exclude names credentials as the Azure libraries do, such as
	// ManagedIdentityCredential, which are not to be used.
	Exclude []string
}

// Check checks the options.
func Check(kind string, o service.Options) error {
	for _, n := range []string{"tenant_id", "client_id"} {
		if v, ok := o[n]; ok && strings.Trim(v, "0123456789abcdefABCDEFghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ.-") != "" {
			return fault.New(fault.Usage, "identity %s: option %s is not an id", kind, n).Hint("it is a GUID such as 00000000-0000-0000-0000-000000000000")
		}
	}
	_, err := o.Secret(kind, "oidc_token")
	return err
}

// Tokens gives tokens. Find makes it without a call.
type Tokens struct {
	From string // where the credential comes from

	env    service.Env
	caller *service.Caller
	tenant string
	client string
	ways   []way
}

// way is one way to a token. absent is returned where it does not exist here,
// and the next is tried.
type way func(ctx context.Context, t *Tokens, scope, tenant string) (token, error)

type token struct {
	value string
	end   time.Time
}

// Find chooses the credential: a secret or certificate of an application, the
// identity token of a CI service or of Kubernetes, the managed identity of the
// machine, and last the command az.
func Find(env service.Env, s Settings) (*Tokens, error) {
	t := &Tokens{
		env: env, caller: env.NewCaller("Microsoft Entra", dialect),
		tenant: cmp.Or(s.Options["tenant_id"], first(env, "AZURE_TENANT_ID", "AZURESUBSCRIPTION_TENANT_ID")),
		client: cmp.Or(s.Options["client_id"], first(env, "AZURE_CLIENT_ID", "AZURESUBSCRIPTION_CLIENT_ID")),
	}
	allowed, err := narrowed(env, s.Exclude)
	if err != nil {
		return nil, err
	}
	for _, f := range []func(Settings, func(string) bool) (way, string, error){t.application, t.workload} {
		w, from, err := f(s, allowed)
		if err != nil {
			return nil, err
		}
		if w != nil {
			t.ways, t.From = []way{w}, from
			return t, nil
		}
	}
	if allowed("ManagedIdentityCredential") {
		t.ways = append(t.ways, managed)
	}
	if allowed("AzureCliCredential") {
		t.ways = append(t.ways, commandAz)
	}
	if len(t.ways) == 0 {
		return nil, none()
	}
	return t, nil
}

func first(env service.Env, names ...string) string {
	_, v := env.First(names...)
	return v
}

// names of credentials as the Azure libraries have them.
var names = []string{"EnvironmentCredential", "WorkloadIdentityCredential", "ManagedIdentityCredential", "AzureCliCredential"}

// narrowed applies AZURE_TOKEN_CREDENTIALS (dev, prod or one name) and the
// names to leave out.
func narrowed(env service.Env, exclude []string) (func(string) bool, error) {
	only := env.Getenv("AZURE_TOKEN_CREDENTIALS")
	keep := names
	switch {
	case strings.EqualFold(only, "dev"):
		keep = names[3:]
	case strings.EqualFold(only, "prod"):
		keep = names[:3]
	case only != "":
		i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, only) })
		if i < 0 {
			return nil, fault.New(fault.Usage, "AZURE_TOKEN_CREDENTIALS is %q, which is not known here", only).
				Hint("use dev, prod, or one of %s", strings.Join(names, ", "))
		}
		keep = names[i : i+1]
	}
	return func(name string) bool {
		out := slices.ContainsFunc(exclude, func(n string) bool { return strings.EqualFold(n, name) })
		return slices.Contains(keep, name) && !out
	}, nil
}

func none() *fault.Error {
	return fault.New(fault.Usage, "there is no Azure credential").
		Hint("set AZURE_TENANT_ID and AZURE_CLIENT_ID with a secret in sign.password (or AZURE_CLIENT_SECRET)").
		Hint("on GitHub: permissions: {id-token: write}, AZURE_TENANT_ID and AZURE_CLIENT_ID; on GitLab also oidc_token=env:NAME").
		Hint("on a machine of Azure: give it a managed identity; at a desk: az login")
}

// Token gets a token for a scope such as https://vault.azure.net/.default.
// tenant is used where nothing else names one.
func (t *Tokens) Token(ctx context.Context, scope, tenant string) (string, time.Time, error) {
	var absent []string
	for _, w := range t.ways {
		got, err := w(ctx, t, scope, cmp.Or(t.tenant, tenant))
		if a, ok := err.(notHere); ok {
			absent = append(absent, string(a))
			continue
		}
		return got.value, got.end, err
	}
	return "", time.Time{}, none().Hint("tried: %s", strings.Join(absent, "; "))
}

// notHere is a way that does not exist on this machine.
type notHere string

func (n notHere) Error() string { return string(n) }

// ids demands tenant and client.
func (t *Tokens) ids(with string) error {
	switch {
	case t.client == "":
		return fault.New(fault.Usage, "Azure credential: %s was found, but the application is not named", with).Hint("set AZURE_CLIENT_ID or the option client_id")
	case t.tenant == "":
		return fault.New(fault.Usage, "Azure credential: %s was found, but the tenant is not named", with).Hint("set AZURE_TENANT_ID or the option tenant_id")
	}
	return nil
}

// application is a client secret or certificate.
func (t *Tokens) application(s Settings, allowed func(string) bool) (way, string, error) {
	if t.env.Password != "" {
		secret, err := t.env.Secret()
		if err == nil {
			err = t.ids(string(t.env.Password))
		}
		t.caller.Secret(secret)
		return clientSecret(string(secret)), string(t.env.Password), err
	}
	if s.Options["oidc_token"] != "" || !allowed("EnvironmentCredential") {
		return nil, "", nil
	}
	if secret := t.env.Getenv("AZURE_CLIENT_SECRET"); secret != "" {
		t.caller.Secret([]byte(secret))
		return clientSecret(secret), "AZURE_CLIENT_SECRET", t.ids("AZURE_CLIENT_SECRET")
	}
	if file := t.env.Getenv("AZURE_CLIENT_CERTIFICATE_PATH"); file != "" {
		c, err := readCertificate(t.env, file)
		if err == nil {
			err = t.ids("AZURE_CLIENT_CERTIFICATE_PATH")
		}
		return clientCertificate(c), "AZURE_CLIENT_CERTIFICATE_PATH", err
	}
	return nil, "", nil
}

// workload is the identity token of a CI service or of Kubernetes.
func (t *Tokens) workload(s Settings, allowed func(string) bool) (way, string, error) {
	ref := s.Options["oidc_token"]
	if ref == "" && !allowed("WorkloadIdentityCredential") {
		return nil, "", nil
	}
	file := t.env.Getenv("AZURE_FEDERATED_TOKEN_FILE")
	switch {
	case ref == "" && t.client != "" && t.tenant != "" && oidc.Available(t.env): // fresh for each use, unlike a file
	case ref == "" && file != "":
		ref = "file:" + file
	case ref == "":
		return nil, "", nil
	}
	source, err := oidc.Find(t.env, oidc.Options{Token: ref, Audience: audience})
	if err != nil {
		return nil, "", err
	}
	return federated(source), "identity token of " + source.Name, t.ids("an identity token")
}

func clientSecret(secret string) way {
	return func(ctx context.Context, t *Tokens, scope, tenant string) (token, error) {
		return t.ask(ctx, scope, tenant, url.Values{"client_secret": {secret}})
	}
}

func federated(s *oidc.Source) way {
	return func(ctx context.Context, t *Tokens, scope, tenant string) (token, error) {
		jwt, err := s.Token(ctx)
		if err != nil {
			return token{}, err
		}
		t.caller.Secret([]byte(jwt))
		return t.ask(ctx, scope, tenant, assertion(jwt))
	}
}

func assertion(jwt string) url.Values {
	return url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {jwt}}
}

// endpoint is where a tenant's tokens are asked for.
func (t *Tokens) endpoint(tenant string) (string, error) {
	u, err := service.Endpoint("AZURE_AUTHORITY_HOST", cmp.Or(t.env.Getenv("AZURE_AUTHORITY_HOST"), "https://login.microsoftonline.com"))
	if err != nil {
		return "", err
	}
	return u.String() + "/" + url.PathEscape(tenant) + "/oauth2/v2.0/token", nil
}

// ask asks the tenant's token endpoint (client credentials).
func (t *Tokens) ask(ctx context.Context, scope, tenant string, proof url.Values) (token, error) {
	address, err := t.endpoint(tenant)
	if err != nil {
		return token{}, err
	}
	proof.Set("client_id", t.client)
	proof.Set("scope", scope)
	proof.Set("grant_type", "client_credentials")
	a, err := t.caller.Call(ctx, service.Request{Operation: "get token", URL: address, Body: []byte(proof.Encode()), Header: formHeader})
	if err != nil {
		return token{}, err
	}
	return t.read(a)
}

var formHeader = map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}

// read takes the token out of an answer. expires_in is a number, and a text in
// answers of managed identities.
func (t *Tokens) read(a *service.Answer) (token, error) {
	var v struct {
		Token   string      `json:"access_token"`
		Seconds json.Number `json:"expires_in"`
		End     json.Number `json:"expires_on"`
	}
	if err := a.JSON(&v); err != nil {
		return token{}, err
	}
	if v.Token == "" {
		return token{}, a.Bad("no token")
	}
	t.caller.Secret([]byte(v.Token))
	if n, err := v.Seconds.Int64(); err == nil && n > 0 {
		return token{v.Token, t.caller.Now().Add(time.Duration(n) * time.Second)}, nil
	}
	if n, err := v.End.Int64(); err == nil {
		return token{v.Token, time.Unix(n, 0)}, nil
	}
	return token{}, a.Bad("a token without its end")
}
