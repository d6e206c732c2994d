package cipolicy

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

// tenThousand is a policy of that many hash rules, as a scan makes it.
func tenThousand() *Policy {
	p := minimal()
	scenario := Scenario{ID: "ID_SIGNINGSCENARIO_WINDOWS", Value: ScenarioUser}
	for i := range 10_000 {
		sum := sha256.Sum256(fmt.Append(nil, i))
		id := fmt.Sprintf("ID_ALLOW_A_%X", i)
		p.FileRules = append(p.FileRules, FileRule{Kind: Allow, ID: id, FriendlyName: Some(fmt.Sprintf(`C:\Program Files\Product\file%d.dll Hash Sha256`, i)), Hash: sum[:]})
		scenario.Product.FileRules = append(scenario.Product.FileRules, Ref{ID: id})
	}
	p.Scenarios = []Scenario{scenario}
	return p
}

// BenchmarkCompile10000 compiles a policy of 10,000 rules, from the model and from XML.
func BenchmarkCompile10000(b *testing.B) {
	p := tenThousand()
	text := p.XML()
	b.Run("model", func(b *testing.B) {
		for b.Loop() {
			if _, err := Compile(p, CompileOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("xml", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			p, err := ReadBytes(text)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := Compile(p, CompileOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
