// Package oidc gets the identity token that a CI service makes for a job, with
// which clouds and vaults let it in without a stored secret (OpenID Connect).
package oidc

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// Options describe what token is wanted.
type Options struct {
	// Token is a reference to a token that lies ready: env:NAME or file:PATH, as
	// GitLab's id_tokens gives it. "" asks the CI service.
	Token string
	// Audience that the token is for; a token that lies ready has its own.
	Audience string
}

// Source gives tokens. They live for minutes, so each use asks anew.
type Source struct {
	Name  string // in messages, such as "GitHub Actions"
	Token func(ctx context.Context) (string, error)
}

// Secrets are the variables with which a CI service is asked.
func Secrets() []secret.Ref {
	return []secret.Ref{"env:ACTIONS_ID_TOKEN_REQUEST_TOKEN", "env:SYSTEM_ACCESSTOKEN"}
}

// Find finds the source that o names or the CI service that this is run by.
// The error (Usage) describes what to set.
func Find(env service.Env, o Options) (*Source, error) {
	if o.Token != "" {
		return ready(env, secret.Ref(o.Token)), nil
	}
	if s, err := github(env, o.Audience); s != nil || err != nil {
		return s, err
	}
	if s, err := pipelines(env); s != nil || err != nil {
		return s, err
	}
	return nil, fault.New(fault.Usage, "there is no identity token of a CI service").
		Hint("GitHub Actions: the job needs permissions: {id-token: write}").
		Hint("GitLab: declare id_tokens with aud: %s, and name its variable with oidc_token=env:NAME", o.Audience).
		Hint("Azure Pipelines: map SYSTEM_ACCESSTOKEN: $(System.AccessToken) into the step's env")
}

// Available reports whether Find would find a CI service.
func Available(env service.Env) bool {
	s, err := Find(env, Options{})
	return s != nil && err == nil
}

// ready is a token that lies ready. It is read at each use, because files of
// Kubernetes are renewed.
func ready(env service.Env, ref secret.Ref) *Source {
	return &Source{Name: string(ref), Token: func(context.Context) (string, error) {
		b, err := env.Resolve(ref)
		return string(b), err
	}}
}

// github asks GitHub Actions. The variables are there when the job has the
// permission id-token: write.
// Source: docs.github.com, "OpenID Connect reference", "Methods for requesting the OIDC token".
func github(env service.Env, audience string) (*Source, error) {
	address, bearer := env.Getenv("ACTIONS_ID_TOKEN_REQUEST_URL"), env.Getenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
	if address == "" || bearer == "" {
		return nil, nil
	}
	u, err := requestURL("ACTIONS_ID_TOKEN_REQUEST_URL", address)
	if err != nil {
		return nil, err
	}
	if audience != "" {
		q := u.Query()
		q.Set("audience", audience)
		u.RawQuery = q.Encode()
	}
	c := env.NewCaller("GitHub Actions", service.Dialect{Judge: service.Judge500})
	c.Secret([]byte(bearer))
	return &Source{Name: "GitHub Actions", Token: func(ctx context.Context) (string, error) {
		a, err := c.Call(ctx, service.Request{Operation: "get identity token", URL: u.String(),
			Header: http.Header{"Authorization": {"Bearer " + bearer}, "Accept": {"application/json"}}})
		if err != nil {
			return "", err
		}
		var v struct {
			Value string `json:"value"`
		}
		err = received(a, &v, &v.Value)
		return v.Value, err
	}}, nil
}

// pipelines asks Azure Pipelines for the token of a service connection.
// Source: learn.microsoft.com, Azure DevOps REST API, "Oidctoken - Create".
func pipelines(env service.Env) (*Source, error) {
	address, bearer := env.Getenv("SYSTEM_OIDCREQUESTURI"), env.Getenv("SYSTEM_ACCESSTOKEN")
	if address == "" || bearer == "" {
		return nil, nil
	}
	u, err := requestURL("SYSTEM_OIDCREQUESTURI", address)
	if err != nil {
		return nil, err
	}
	connection := env.Getenv("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID")
	if connection == "" {
		return nil, fault.New(fault.Usage, "Azure Pipelines: the service connection is not named").
			Hint("run in a task AzureCLI@2, which sets AZURESUBSCRIPTION_SERVICE_CONNECTION_ID, or set that variable to the connection's id")
	}
	u.RawQuery = url.Values{"api-version": {"7.1"}, "serviceConnectionId": {connection}}.Encode()
	c := env.NewCaller("Azure Pipelines", service.Dialect{Judge: service.Judge500})
	c.Secret([]byte(bearer))
	return &Source{Name: "Azure Pipelines", Token: func(ctx context.Context) (string, error) {
		a, err := c.Call(ctx, service.Request{Operation: "get identity token", URL: u.String(), Body: []byte{},
			Header: http.Header{"Authorization": {"Bearer " + bearer}, "Content-Type": {"application/json"}, "X-TFS-FedAuthRedirect": {"Suppress"}}})
		if err != nil {
			return "", err
		}
		var v struct {
			Token string `json:"oidcToken"`
		}
		err = received(a, &v, &v.Token)
		return v.Token, err
	}}, nil
}

// received decodes an answer into v, where token must be then.
func received(a *service.Answer, v any, token *string) error {
	if err := a.JSON(v); err != nil {
		return err
	}
	if *token == "" {
		return a.Bad("no token")
	}
	return nil
}

func requestURL(variable, s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && service.Loopback(u.Hostname())) {
		return nil, fault.New(fault.Usage, "%s is not an https address", variable).Hint("the CI service sets it: do not change it")
	}
	return u, nil
}
