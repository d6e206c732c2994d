package servicetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Entra stands in for Microsoft Entra's token endpoint and for the metadata
// service of a virtual machine.
type Entra struct {
	*Server
	Tenant, Client string
	Secret         string                          // of the application
	JWT            string                          // identity token that a federated credential accepts
	Assertion      func(jwt, audience string) bool // judges a signed assertion; nil accepts none
	Machine        bool                            // the machine has an identity
	Life           time.Duration

	tokens map[string]issued
	count  int
}

type issued struct {
	audience string
	end      time.Time
}

// Ids of the tenant and the application.
const (
	EntraTenant = "11111111-2222-3333-4444-555555555555"
	EntraClient = "99999999-8888-7777-6666-555555555555"
)

// NewEntra starts one.
func NewEntra(t testing.TB) *Entra {
	e := &Entra{Tenant: EntraTenant, Client: EntraClient, Secret: "client-secret-of-tests", JWT: "jwt-of-tests", Life: time.Hour, tokens: map[string]issued{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", e.token)
	mux.HandleFunc("GET /metadata/identity/oauth2/token", e.machine)
	mux.HandleFunc("GET /msi", e.appService)
	e.Server = New(t, mux)
	return e
}

// Env names the endpoint and the application; more are further names and
// values in turn.
func (e *Entra) Env(more ...string) map[string]string {
	env := map[string]string{"AZURE_AUTHORITY_HOST": e.URL, "AZURE_TENANT_ID": e.Tenant, "AZURE_CLIENT_ID": e.Client,
		"AZURE_POD_IDENTITY_AUTHORITY_HOST": e.URL}
	for i := 0; i+1 < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return env
}

// Given counts the tokens that were given out.
func (e *Entra) Given() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.count
}

// Expire ends all tokens.
func (e *Entra) Expire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.tokens)
}

// Accepts reports whether a request carries a token for that audience.
func (e *Entra) Accepts(r *http.Request, audience string) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.tokens[token]
	return ok && t.audience == audience && time.Now().Before(t.end)
}

// Give gives out a token for that audience.
func (e *Entra) Give(audience string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count++
	token := fmt.Sprintf("entra-token-%d", e.count)
	e.tokens[token] = issued{audience, time.Now().Add(e.Life)}
	return token
}

func entraError(w http.ResponseWriter, status, code int, name, text string) {
	w.Header().Set("X-Ms-Request-Id", "entra-req-1")
	answer(w, status, map[string]any{"error": name, "error_codes": []int{code},
		"error_description": fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: 1\r\nCorrelation ID: 2\r\nTimestamp: 2026-01-01 00:00:00Z", code, text)})
}

func (e *Entra) token(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	f := r.PostForm
	audience, ok := strings.CutSuffix(f.Get("scope"), "/.default")
	secret, jwt := f.Get("client_secret"), f.Get("client_assertion")
	signed := e.Assertion != nil && e.Assertion(jwt, e.URL+r.URL.Path)
	switch {
	case r.PathValue("tenant") != e.Tenant:
		entraError(w, 400, 90002, "invalid_request", "Tenant '"+r.PathValue("tenant")+"' not found.")
	case f.Get("client_id") != e.Client:
		entraError(w, 400, 700016, "unauthorized_client", "Application with identifier '"+f.Get("client_id")+"' was not found in the directory.")
	case f.Get("grant_type") != "client_credentials" || !ok:
		entraError(w, 400, 900144, "invalid_request", "The request body must contain the following parameter.")
	case secret != "" && secret != e.Secret:
		entraError(w, 401, 7000215, "invalid_client", "Invalid client secret provided: "+secret)
	case secret == "" && f.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
		entraError(w, 401, 7000218, "invalid_client", "The request body must contain client_assertion or client_secret.")
	case secret == "" && jwt != e.JWT && !signed:
		entraError(w, 401, 700213, "invalid_client", "No matching federated identity record found for presented assertion subject.")
	default:
		answer(w, 200, map[string]any{"token_type": "Bearer", "expires_in": int(e.Life.Seconds()), "ext_expires_in": 3599, "access_token": e.Give(audience)})
	}
}

func (e *Entra) machine(w http.ResponseWriter, r *http.Request) {
	switch {
	case !e.Machine:
		w.WriteHeader(403) // as the proxy of Docker answers there
	case r.Header.Get("Metadata") != "true":
		answer(w, 400, map[string]string{"error": "invalid_request", "error_description": "Required metadata header not specified"})
	default:
		e.giveMachine(w, r)
	}
}

func (e *Entra) appService(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Identity-Header") != "header-of-tests" || r.URL.Query().Get("api-version") != "2019-08-01" {
		w.WriteHeader(401)
		return
	}
	e.giveMachine(w, r)
}

// giveMachine answers with numbers as texts, as the real ones do.
func (e *Entra) giveMachine(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{"token_type": "Bearer", "access_token": e.Give(r.URL.Query().Get("resource")),
		"expires_on": fmt.Sprint(time.Now().Add(e.Life).Unix())})
}
