package keyvault

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// token answers the vault's challenge: a request without token and body is
// refused with the tenant and the resource that a token must be for.
func (k *key) token(ctx context.Context) (string, time.Time, error) {
	a, err := k.caller.Call(ctx, service.Request{Operation: "get challenge", URL: k.objectURL(), Answers: []int{401}})
	if err != nil {
		return "", time.Time{}, err
	}
	c := parseChallenge(a.Header.Get("Www-Authenticate"))
	if a.Status != 401 || c.scope == "" {
		return "", time.Time{}, a.Bad("no challenge, which every vault has for a request without token")
	}
	if err := k.checkScope(c.scope); err != nil {
		return "", time.Time{}, err
	}
	return k.tokens.Token(ctx, c.scope, c.tenant)
}

// challenge is what a vault asks for.
type challenge struct {
	tenant string
	scope  string // ends in /.default
}

var parameter = regexp.MustCompile(`([A-Za-z_]+)="([^"]*)"`)

// parseChallenge reads the header WWW-Authenticate. scope goes before
// resource; there may be commas between the parameters, or none.
func parseChallenge(header string) (c challenge) {
	rest, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return c
	}
	p := map[string]string{}
	for _, m := range parameter.FindAllStringSubmatch(rest, -1) {
		p[m[1]] = m[2]
	}
	authority := p["authorization"]
	if authority == "" {
		authority = p["authorization_uri"]
	}
	if u, err := url.Parse(authority); err == nil {
		c.tenant, _, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	}
	switch {
	case p["scope"] != "":
		c.scope = p["scope"]
	case p["resource"] != "":
		c.scope = strings.TrimSuffix(p["resource"], "/") + "/.default"
	}
	return c
}

// checkScope refuses a challenge that asks for a token of another party: a
// server that is not a vault could otherwise collect tokens for a real one.
func (k *key) checkScope(scope string) error {
	u, err := url.Parse(scope)
	host := k.vault.Hostname()
	if err == nil && (u.Scheme == "https" || service.Loopback(u.Hostname())) && u.Hostname() != "" &&
		(host == u.Hostname() || strings.HasSuffix(host, "."+u.Hostname())) {
		return nil
	}
	return fault.New(fault.Usage, "%s: %s asks for a token for %q, which is not the vault's own domain", k.Service(), k.vault.Host, scope).
		Hint("no token was sent: check the vault's address")
}
