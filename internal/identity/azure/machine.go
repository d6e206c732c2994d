package azure

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// resource is what older token endpoints need in place of a scope.
func resource(scope string) string { return strings.TrimSuffix(scope, "/.default") }

// managed asks for the token of the machine's own identity: App Service and
// the like say where in IDENTITY_ENDPOINT, virtual machines have a fixed
// address. A proxy is never used, it would get the token of its own machine.
func managed(ctx context.Context, t *Tokens, scope, _ string) (token, error) {
	c := t.env.NewCaller("Azure managed identity", service.Dialect{Judge: service.Judge500})
	c.Client = service.NewMetadataClient()
	q := url.Values{"resource": {resource(scope)}}
	if t.client != "" {
		q.Set("client_id", t.client)
	}
	r := service.Request{Operation: "get token", Timeout: 10 * time.Second}
	if endpoint, header := t.env.Getenv("IDENTITY_ENDPOINT"), t.env.Getenv("IDENTITY_HEADER"); endpoint != "" && header != "" {
		q.Set("api-version", "2019-08-01")
		r.URL, r.Header = endpoint+"?"+q.Encode(), http.Header{"X-Identity-Header": {header}}
		c.Secret([]byte(header))
	} else {
		base := strings.TrimRight(cmp.Or(t.env.Getenv("AZURE_POD_IDENTITY_AUTHORITY_HOST"), "http://169.254.169.254"), "/") + "/metadata/identity/oauth2/token"
		q.Set("api-version", "2018-02-01")
		if err := probe(ctx, c, base); err != nil {
			return token{}, err
		}
		r.URL, r.Header = base+"?"+q.Encode(), http.Header{"Metadata": {"true"}}
	}
	a, err := c.Call(ctx, r)
	if err != nil {
		return token{}, err
	}
	return t.read(a)
}

// probe asks without the header that is needed: the metadata service answers
// 400 to that, whatever else listens there answers something else or nothing.
func probe(ctx context.Context, c *service.Caller, address string) error {
	a, err := c.Call(ctx, service.Request{Operation: "look for it", URL: address + "?api-version=2018-02-01", Timeout: time.Second, Once: true, Answers: []int{400}})
	if err != nil || a.Status != http.StatusBadRequest {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return notHere("no managed identity on this machine")
	}
	return nil
}

// azTimeout is for the command az, which takes seconds to start.
const azTimeout = 30 * time.Second

// commandAz asks the command az for a token, which handles all ways to log in.
func commandAz(ctx context.Context, t *Tokens, scope, tenant string) (token, error) {
	args := []string{"account", "get-access-token", "-o", "json", "--resource", resource(scope)}
	if tenant != "" {
		args = append(args, "--tenant", tenant)
	}
	ctx, cancel := context.WithTimeout(ctx, azTimeout)
	defer cancel()
	out, err := t.env.Run(ctx, "az", args...)
	if errors.Is(err, exec.ErrNotFound) {
		return token{}, notHere("the command az is not installed")
	}
	if err != nil {
		return token{}, fault.New(fault.Usage, "Azure credential: az account get-access-token: %s", service.LastLine(err)).Hint("log in with: az login")
	}
	var v struct {
		Token string `json:"accessToken"`
		End   int64  `json:"expires_on"` // seconds of Unix time
		Local string `json:"expiresOn"`  // of older versions, in local time
	}
	if json.Unmarshal([]byte(out), &v) != nil || v.Token == "" {
		return token{}, fault.New(fault.Service, "Azure credential: az account get-access-token printed no token").Hint("run it by hand")
	}
	t.caller.Secret([]byte(v.Token))
	if v.End > 0 {
		return token{v.Token, time.Unix(v.End, 0)}, nil
	}
	end, err := time.ParseInLocation("2006-01-02 15:04:05.999999", v.Local, time.Local)
	if err != nil {
		end = t.caller.Now().Add(5 * time.Minute)
	}
	return token{v.Token, end}, nil
}
