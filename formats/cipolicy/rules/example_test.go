package rules_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/cipolicy/rules"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// Make a policy that allows one program by its hash, and ask it about two.
func ExampleBuild() {
	inspect := func(name string, program []byte) rules.File {
		f, err := rules.Inspect(context.Background(), name, bytes.NewReader(program), int64(len(program)))
		if err != nil {
			panic(err)
		}
		return f
	}
	program := formatstest.TinyProgram()
	good := inspect("app.exe", program)
	program[0x5a]++ // the version of the linker
	changed := inspect("app.exe", program)

	policy := rules.NewPolicy(cipolicy.MustGUID("{11111111-2222-3333-4444-555555555555}"))
	outcomes, err := rules.Build(policy, []rules.File{good}, rules.Options{Level: rules.Publisher, Fallback: []rules.Level{rules.Hash}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range outcomes {
		fmt.Println(o.Path, "by", o.Level, o.Notes)
	}
	fmt.Println("file rules:", len(policy.FileRules))
	fmt.Println("allowed:", rules.Evaluate(policy, &good, cipolicy.ScenarioUser, "").Allowed)
	fmt.Println("allowed when changed:", rules.Evaluate(policy, &changed, cipolicy.ScenarioUser, "").Allowed)
	// Output:
	// app.exe by Hash [level Publisher: the file is not signed]
	// file rules: 4
	// allowed: true
	// allowed when changed: false
}
