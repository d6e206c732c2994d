package artifactsigning

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// maxMetadata bounds metadata.json in bytes.
const maxMetadata = 64 << 10

// readMetadata reads the file that people have for signtool's plug-in. Keys
// are compared without regard to case, since manuals differ. Keys that are not
// known are warned about.
func readMetadata(env service.Env, file string) (profile, error) {
	path := file
	if !filepath.IsAbs(path) {
		path = filepath.Join(env.Dir, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return profile{}, fault.New(fault.Usage, "identity artifact-signing: %v", err).Hint("relative paths start at the project's folder")
	}
	if len(b) > maxMetadata {
		return profile{}, fault.New(fault.Usage, "identity artifact-signing: %s is larger than %d bytes", file, maxMetadata).Hint("it must be the metadata.json of the signing account")
	}
	return parseMetadata(env, file, b)
}

func parseMetadata(env service.Env, file string, b []byte) (profile, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), &raw); err != nil {
		return profile{}, fault.New(fault.Usage, "identity artifact-signing: %s is not a JSON object: %v", file, err).Hint("it must be the metadata.json of the signing account")
	}
	var p profile
	var endpoint string
	fields := map[string]any{"endpoint": &endpoint, "codesigningaccountname": &p.account, "certificateprofilename": &p.name,
		"correlationid": &p.correlation, "excludecredentials": &p.exclude}
	var unknown []string
	for key, value := range raw {
		target, known := fields[strings.ToLower(key)]
		switch {
		case strings.EqualFold(key, "AccessToken"):
			return profile{}, fault.New(fault.Usage, "identity artifact-signing: %s holds an access token", file).
				Hint("delete AccessToken from it: a token in a file is exposed; docs/identities.md lists where credentials are taken from")
		case !known:
			unknown = append(unknown, key)
		case json.Unmarshal(value, target) != nil:
			return profile{}, fault.New(fault.Usage, "identity artifact-signing: %s: %s has the wrong type", file, key).Hint("see the documentation of metadata.json")
		}
	}
	slices.Sort(unknown)
	for _, key := range unknown {
		env.Warn(file + ": " + key + " is unknown and is ignored")
	}
	var err error
	if p.endpoint, err = service.Endpoint(file+": Endpoint", endpoint); err != nil {
		return profile{}, err
	}
	return p, p.check(file)
}
