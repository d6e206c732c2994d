package awskms

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSignatureVectors: requests and signatures of AWS's own test suite for
// Signature Version 4 (aws-sig-v4-test-suite: get-vanilla and so on), key
// AKIDEXAMPLE, 2015-08-30T12:36:00Z, us-east-1, service "service".
func TestSignatureVectors(t *testing.T) {
	for name, c := range map[string]struct {
		method, url, body string
		header            http.Header
		signed, want      string
	}{
		"get-vanilla":                      {"GET", "https://example.amazonaws.com/", "", nil, "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		"get-vanilla-query-order-key-case": {"GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1", "", nil, "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		"post-vanilla":                     {"POST", "https://example.amazonaws.com/", "", nil, "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		"post-x-www-form-urlencoded": {"POST", "https://example.amazonaws.com/", "Param1=value1", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
			"content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequest(c.method, c.url, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			for n, v := range c.header {
				r.Header[n] = v
			}
			r.Header.Set("User-Agent", "not signed")
			sign(r, []byte(c.body), credentials{id: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}, "us-east-1", "service",
				time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC))
			want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" + c.signed + ", Signature=" + c.want
			if got := r.Header.Get("Authorization"); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func FuzzProfiles(f *testing.F) {
	f.Add([]byte("[default]\nregion = eu-west-1 # here\n[profile x]\nrole_arn=arn:aws:iam::1:role/r\ns3 =\n  a = b\n[sso-session s]\nsso_region=x\n"), true)
	f.Add([]byte("[x]\naws_access_key_id=a\r\n;c\n[\n]\n=\n"), false)
	f.Fuzz(func(t *testing.T, b []byte, config bool) {
		p := profiles{}
		p.add(b, config)
		for name := range p {
			if strings.ContainsAny(name, "]\n") {
				t.Errorf("a profile named %q", name)
			}
		}
	})
}
