package cipolicy

import (
	"fmt"
	"strconv"
	"strings"
)

// hashNames are the elements that hold the hash of an artifact, by length in bytes.
var hashNames = map[int]string{32: "sha256", 48: "sha384", 64: "sha512"}

func artifactID(i uint32) string {
	return "ID_ARTIFACT_A_" + strings.ToUpper(strconv.FormatUint(uint64(i)+1, 16))
}

// newest adds what the formats 10 and 11 hold.
func (d *decompiler) newest() error {
	for i := range d.c.artifacts {
		a := &d.c.artifacts[i]
		r := ArtifactRule{ID: artifactID(uint32(i)), ArtifactType: artifactTypes[a.kind], Action: artifactActions[a.action],
			Name: nonZero(a.name), Description: nonZero(a.description), MinVersion: nonZero(a.min),
			MaxVersion: Optional[Version]{Value: a.max, Set: a.max != MaxVersion}, Hash: a.hash}
		if a.hash != nil {
			name, ok := hashNames[len(a.hash)]
			if !ok {
				return fmt.Errorf("artifact rule %d: a hash of %d bytes, the XML holds 32, 48 or 64", i, len(a.hash))
			}
			r.HashName = name
		}
		d.p.Artifacts = append(d.p.Artifacts, r)
	}
	for _, r := range d.c.artifactRefs {
		d.p.Signers[r.signer].ArtifactRefs = append(d.p.Signers[r.signer].ArtifactRefs, artifactRefs(r.refs)...)
	}
	for _, r := range d.c.exceptEKUs {
		for _, e := range r.refs {
			s := &d.p.Signers[r.signer]
			s.EKUs = append(s.EKUs, EKURef{ID: d.p.EKUs[e].ID, Except: true})
		}
	}
	for i := range d.c.scenarios {
		if g := &d.c.scenarios[i].artifacts; len(g.allowed)+len(g.denied)+len(g.rules) > 0 {
			d.p.Scenarios[i].ArtifactSigners = &SignerGroup{Allowed: d.members(g.allowed), Denied: d.members(g.denied), Artifacts: artifactRefs(g.rules)}
		}
	}
	return nil
}

func artifactRefs(positions []uint32) []Ref {
	var out []Ref
	for _, at := range positions {
		out = append(out, Ref{ID: artifactID(at)})
	}
	return out
}
