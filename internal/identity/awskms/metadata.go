package awskms

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// containerHosts are the addresses inside ECS and EKS that may be plain http.
var containerHosts = map[string]bool{"169.254.170.2": true, "169.254.170.23": true, "fd00:ec2::23": true}

// ofContainer asks the address that ECS or EKS gives a task.
func (c *chain) ofContainer(address string) (*source, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && (containerHosts[u.Hostname()] || service.Loopback(u.Hostname()))) {
		return nil, fault.New(fault.Usage, "AWS credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI is not an address of this machine").
			Hint("ECS and EKS set it: do not change it")
	}
	caller := c.metadata("AWS container credentials")
	return &source{"container credentials", func(ctx context.Context) (credentials, time.Time, error) {
		token, err := c.token()
		if err != nil {
			return credentials{}, time.Time{}, err
		}
		h := http.Header{}
		if token != "" {
			h.Set("Authorization", token)
			caller.Secret([]byte(token))
		}
		a, err := caller.Call(ctx, service.Request{Operation: "get credentials", URL: address, Header: h, Timeout: 5 * time.Second})
		if err != nil {
			return credentials{}, time.Time{}, err
		}
		return c.decode("container credentials", a.Body)
	}}, nil
}

// metadata is a caller of an address that belongs to the machine.
func (c *chain) metadata(name string) *service.Caller {
	caller := c.env.NewCaller(name, service.Dialect{Judge: service.Judge500})
	caller.Client = service.NewMetadataClient()
	return caller
}

// ofInstance asks the metadata service of an EC2 machine, version 2: a token
// first, with which no other program can be tricked into asking for us. The
// first call is the probe whether this is such a machine.
func (c *chain) ofInstance() *source {
	base := strings.TrimRight(cmp.Or(c.env.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"), "http://169.254.169.254"), "/")
	caller := c.metadata("EC2 metadata")
	const roles = "/latest/meta-data/iam/security-credentials/"
	return &source{"role of the machine", func(ctx context.Context) (credentials, time.Time, error) {
		a, err := caller.Call(ctx, service.Request{Operation: "get token", Method: http.MethodPut, URL: base + "/latest/api/token",
			Header: http.Header{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": {"300"}}, Timeout: time.Second, Once: true})
		if err != nil {
			return credentials{}, time.Time{}, none()
		}
		h := http.Header{"X-Aws-Ec2-Metadata-Token": {string(a.Body)}}
		a, err = caller.Call(ctx, service.Request{Operation: "get role", URL: base + roles, Header: h, Timeout: 5 * time.Second})
		if err != nil {
			return credentials{}, time.Time{}, none().Hint("this machine has no role: %v", err)
		}
		role, _, _ := strings.Cut(strings.TrimSpace(string(a.Body)), "\n")
		a, err = caller.Call(ctx, service.Request{Operation: "get credentials", URL: base + roles + url.PathEscape(role), Header: h, Timeout: 5 * time.Second})
		if err != nil {
			return credentials{}, time.Time{}, err
		}
		return c.decode("EC2 metadata", a.Body)
	}}
}
