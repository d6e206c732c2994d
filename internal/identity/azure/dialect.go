package azure

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// entraCode is how Entra numbers its errors ("Microsoft Entra authentication
// and authorization error codes").
var entraCode = regexp.MustCompile(`^AADSTS(\d+)`)

// dialect is how Entra reports failures: the description's first line says it,
// what follows is for its support.
var dialect = service.Dialect{
	Read: func(f *service.Failure, body []byte) {
		var v struct {
			Code        string `json:"error"`
			Description string `json:"error_description"`
		}
		if json.Unmarshal(body, &v) == nil {
			f.Code = v.Code
			f.Message, _, _ = strings.Cut(v.Description, "\n")
		}
	},
	Judge:      service.Judge500,
	Hints:      hints,
	RequestIDs: []string{"X-Ms-Request-Id"},
}

func hints(f *service.Failure) []string {
	m := entraCode.FindStringSubmatch(f.Message)
	if m == nil {
		return nil
	}
	switch m[1] {
	case "7000215":
		return []string{"the client secret is wrong: it must be the secret's value, not its id"}
	case "7000222":
		return []string{"the client secret has ended: make a new one, or use the CI's identity token, which needs none"}
	case "700016", "7000229":
		return []string{"the application is not known in this tenant: check AZURE_CLIENT_ID and AZURE_TENANT_ID"}
	case "90002", "900023":
		return []string{"there is no such tenant: check AZURE_TENANT_ID"}
	case "70021", "700211", "700212", "700213":
		return []string{"the application has no federated credential for this job: its issuer, subject and audience must be those of the identity token"}
	case "700024":
		return []string{"the identity token has ended: it lives for minutes, so it must come from the CI service itself and not from an earlier login"}
	case "700027":
		return []string{"the certificate of AZURE_CLIENT_CERTIFICATE_PATH is not among those of the application"}
	case "500011":
		return []string{"the service is not there in this tenant: has it ever been used in it?"}
	}
	return nil
}
