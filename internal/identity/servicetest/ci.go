package servicetest

import (
	"maps"
	"net/http"
	"net/url"
	"testing"
)

// GitHub stands in for the part of GitHub Actions that makes identity tokens.
type GitHub struct {
	*Server
	bearer string
}

// NewGitHub starts one that gives out token.
func NewGitHub(t testing.TB, token string) *GitHub {
	g := &GitHub{bearer: "request-token-of-tests"}
	g.Server = New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+g.bearer || r.URL.Query().Get("api-version") != "2.0" {
			answer(w, 401, map[string]string{"message": "unauthorized"})
			return
		}
		answer(w, 200, map[string]any{"count": 1, "value": token})
	}))
	return g
}

// Env adds the variables that a job with id-token: write has.
func (g *GitHub) Env(more map[string]string) map[string]string {
	env := map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": g.URL + "/idtoken?api-version=2.0", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": g.bearer}
	maps.Copy(env, more)
	return env
}

// Audiences are those that tokens were asked for.
func (g *GitHub) Audiences() (list []string) { return audiences(g.Requests("/idtoken")) }

// Pipelines stands in for the part of Azure Pipelines that makes identity
// tokens.
type Pipelines struct{ *Server }

// NewPipelines starts one that gives out token for the service connection
// "connection-1".
func NewPipelines(t testing.TB, token string) *Pipelines {
	return &Pipelines{New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer system-token-of-tests" ||
			q.Get("serviceConnectionId") != "connection-1" || q.Get("api-version") == "" {
			w.WriteHeader(401)
			return
		}
		answer(w, 200, map[string]string{"oidcToken": token})
	}))}
}

// Env adds the variables that a task AzureCLI@2 has.
func (p *Pipelines) Env(more map[string]string) map[string]string {
	env := map[string]string{"SYSTEM_OIDCREQUESTURI": p.URL + "/oidctoken", "SYSTEM_ACCESSTOKEN": "system-token-of-tests",
		"AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "connection-1"}
	maps.Copy(env, more)
	return env
}

func audiences(calls []Call) (list []string) {
	for _, c := range calls {
		if q, err := url.ParseQuery(c.Query); err == nil {
			list = append(list, q.Get("audience"))
		}
	}
	return list
}
