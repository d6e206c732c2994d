package cipolicy

import (
	"fmt"
	"io"

	"github.com/hallmark-dev/hallmark/formats/cipolicy/schema"
)

// maxXML bounds the XML that Read takes in, in bytes. A policy of a million
// hash rules is about 250 MB.
const maxXML = 512 << 20

// Read reads a policy from XML in UTF-8 or UTF-16 and checks it: against the
// schema, then references, then the rules of [Policy.Validate]. Whatever is
// wrong is returned together as [Problems], each with its line. Warnings do not
// fail; Validate returns them.
func Read(r io.Reader) (*Policy, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxXML+1))
	if err != nil {
		return nil, fmt.Errorf("reading policy: %w", err)
	}
	if len(data) > maxXML {
		return nil, fmt.Errorf("policy is larger than %d bytes", maxXML)
	}
	return ReadBytes(data)
}

// ReadBytes is Read for XML in memory.
func ReadBytes(data []byte) (*Policy, error) {
	root, found := schema.Parse(data)
	var problems Problems
	if root != nil {
		found = append(found, schema.Check(root)...)
	}
	for _, f := range found {
		problems.add(f.Line, "%s", f.Text)
	}
	if root == nil {
		return nil, problems.err()
	}
	b := binder{}
	p := b.policy(root)
	problems = append(problems, b.problems...)
	problems = append(problems, p.references()...)
	// A value that could not be read would be reported a second time as a
	// missing one, so the meaning is judged only if the form is right.
	if len(found) == 0 && len(b.problems) == 0 {
		problems = append(problems, p.semantics().Errors()...)
	}
	if err := problems.err(); err != nil {
		return nil, err
	}
	return p, nil
}
