package cipolicy

// newest compiles what the formats 10 and 11 added.
func (c *compiler) newest(b *compiled) {
	for i := range c.p.Artifacts {
		b.artifacts = append(b.artifacts, c.p.Artifacts[i].compiled())
	}
	for i := range c.p.Signers {
		s := &c.p.Signers[i]
		if len(s.ArtifactRefs) > 0 {
			b.artifactRefs = append(b.artifactRefs, binRefs{signer: uint32(i), refs: c.artifactAt(s.ArtifactRefs)})
		}
		var except []uint32
		for _, e := range s.EKUs {
			if e.Except {
				except = append(except, uint32(c.ekus[e.ID]))
			}
		}
		if len(except) > 0 {
			b.exceptEKUs = append(b.exceptEKUs, binRefs{signer: uint32(i), refs: except})
		}
	}
}

func (c *compiler) artifactAt(refs []Ref) []uint32 {
	var out []uint32
	for _, r := range refs {
		out = append(out, uint32(c.index.artifacts[r.ID]))
	}
	return out
}

// Values of ArtifactRule attributes, in the order of their numbers.
var (
	artifactTypes   = [2]string{"CIM", "Catalog"}
	artifactActions = [2]string{"Deny", "Allow"}
)

func (r *ArtifactRule) compiled() binArtifact {
	a := binArtifact{name: r.Name.Value, description: r.Description.Value, min: r.MinVersion.Value, max: MaxVersion, hash: r.Hash}
	a.kind, a.action = bit(r.ArtifactType == artifactTypes[1]), bit(r.Action == artifactActions[1])
	if r.MaxVersion.Set {
		a.max = r.MaxVersion.Value // the schema's default is the highest version
	}
	return a
}
