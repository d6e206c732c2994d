// Package vault signs with keys of the transit engine of HashiCorp Vault and
// OpenBao, whose API is the same.
//
// Source: the API documentation of the transit secrets engine, and answers of
// the engine itself.
package vault

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// Kind begins the short form, Syntax is what follows.
const (
	Kind   = "vault"
	Syntax = "MOUNT/KEY"
)

const name = "Vault"

// form is vault:MOUNT/KEY?OPTIONS.
type form struct {
	mount, key string
	version    int // 0: the one that the certificate belongs to
	options    service.Options
}

// Parse takes what follows vault: apart.
func Parse(rest string) (service.Form, error) {
	body, o, err := service.SplitOptions(Kind, rest, "version", "endpoint", "namespace", "approle", "jwt_role", "auth", "oidc_token", "audience")
	if err != nil {
		return nil, err
	}
	cut := strings.LastIndex(body, "/")
	if cut <= 0 || cut == len(body)-1 || strings.Contains(body, "//") || strings.ContainsAny(body, " %#") {
		return nil, fault.New(fault.Usage, "identity vault: needs the mount of the transit engine and the name of the key").
			Hint("write vault:MOUNT/KEY, such as vault:transit/codesign")
	}
	f := form{mount: body[:cut], key: body[cut+1:], options: o}
	if v, ok := o["version"]; ok {
		if f.version, err = strconv.Atoi(v); err != nil || f.version < 1 {
			return nil, fault.New(fault.Usage, "identity vault: version %q is not the number of a key version", v).Hint("write a number from 1 on, or leave the option out")
		}
	}
	return f, f.checkLogin()
}

// checkLogin checks the options about logging in.
func (f form) checkLogin() error {
	o := f.options
	_, approle := o["approle"]
	_, jwt := o["jwt_role"]
	_, auth := o["auth"]
	if approle && jwt {
		return fault.New(fault.Usage, "identity vault: approle and jwt_role are both given").Hint("there is one way to log in: leave one out")
	}
	for _, n := range []string{"oidc_token", "audience"} {
		if _, ok := o[n]; ok && !jwt {
			return fault.New(fault.Usage, "identity vault: option %s needs jwt_role", n).Hint("add jwt_role=ROLE, or leave %s out", n)
		}
	}
	if auth && !approle && !jwt {
		return fault.New(fault.Usage, "identity vault: option auth needs approle or jwt_role").Hint("auth is where that method is mounted")
	}
	if _, err := o.Secret(Kind, "oidc_token"); err != nil {
		return err
	}
	if _, ok := o["endpoint"]; ok {
		_, err := o.Endpoint(Kind, "endpoint", "")
		return err
	}
	return nil
}

// Service names the service.
func (form) Service() string { return name }

// Files: there are none.
func (form) Files() []string { return nil }

// Secrets are the variables in which a token is looked for.
func (form) Secrets() []secret.Ref { return []secret.Ref{"env:BAO_TOKEN", "env:VAULT_TOKEN"} }

// key is a key of the transit engine.
type key struct {
	form
	caller  *service.Caller
	base    string // of the API, such as https://vault.example:8200/v1
	host    string
	auth    service.Authorizer
	from    string // where the credential comes from
	header  http.Header
	current atomic.Int64 // the version that signs
}

// Connect finds server and credential.
func (f form) Connect(env service.Env) (service.Key, error) {
	k := &key{form: f, header: http.Header{"X-Vault-Request": {"true"}, "Content-Type": {"application/json"}}}
	k.caller = env.NewCaller(name, k.dialect())
	k.current.Store(int64(f.version))
	_, address := variable(env, "ADDR")
	endpoint, err := f.options.Endpoint(Kind, "endpoint", address)
	if err != nil {
		if address == "" && f.options["endpoint"] == "" {
			return nil, fault.New(fault.Usage, "identity vault: the server is not named").Hint("set VAULT_ADDR (or BAO_ADDR), such as https://vault.example.com:8200, or the option endpoint")
		}
		return nil, err
	}
	k.base, k.host = endpoint.String()+"/v1", endpoint.Host
	namespace := f.options["namespace"]
	if namespace == "" {
		_, namespace = variable(env, "NAMESPACE")
	}
	if namespace != "" {
		k.header.Set("X-Vault-Namespace", namespace)
	}
	if k.caller.Client, err = client(env); err != nil {
		return nil, err
	}
	k.auth, k.from, err = k.credential(env)
	return k, err
}

// variable is the environment variable of that name, of OpenBao or of Vault.
func variable(env service.Env, suffix string) (name, value string) {
	return env.First("BAO_"+suffix, "VAULT_"+suffix)
}

// path is an address below the API's base. The parts are escaped, a mount
// keeps its slashes.
func (k *key) path(parts ...string) string {
	out := k.base
	for _, p := range parts {
		out += "/" + strings.ReplaceAll(url.PathEscape(p), "%2F", "/")
	}
	return out
}
