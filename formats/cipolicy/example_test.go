package cipolicy_test

import (
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
)

const policyXML = `<?xml version="1.0" encoding="utf-8"?>
<SiPolicy xmlns="urn:schemas-microsoft-com:sipolicy" PolicyType="Base Policy">
  <VersionEx>1.2.0.0</VersionEx>
  <PolicyID>{11111111-2222-3333-4444-555555555555}</PolicyID>
  <BasePolicyID>{11111111-2222-3333-4444-555555555555}</BasePolicyID>
  <PlatformID>{2E07F7E4-194C-4D20-B7C9-6F44A6C5A234}</PlatformID>
  <Rules>
    <Rule><Option>Enabled:Unsigned System Integrity Policy</Option></Rule>
    <Rule><Option>Enabled:UMCI</Option></Rule>
  </Rules>
  <EKUs />
  <FileRules>
    <Deny ID="ID_DENY_OLD" FriendlyName="old versions" FileName="app.exe" MaximumFileVersion="1.9.9.9" />
  </FileRules>
  <Signers />
  <SigningScenarios>
    <SigningScenario Value="12" ID="ID_SIGNINGSCENARIO_WINDOWS">
      <ProductSigners>
        <FileRulesRef><FileRuleRef RuleID="ID_DENY_OLD" /></FileRulesRef>
      </ProductSigners>
    </SigningScenario>
  </SigningScenarios>
  <UpdatePolicySigners />
  <CiSigners />
  <HvciOptions>0</HvciOptions>
</SiPolicy>`

// Compile a policy to the binary that Windows loads, as ConvertFrom-CIPolicy does.
func ExampleCompile() {
	policy, err := cipolicy.ReadBytes([]byte(policyXML))
	if err != nil {
		fmt.Println(err)
		return
	}
	binary, err := cipolicy.Compile(policy, cipolicy.CompileOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("version", policy.Version)
	fmt.Println("deploy as", policy.PolicyID.Value.String()+".cip")

	back, err := cipolicy.Decompile(binary, cipolicy.Quicksort)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("format", back.Format, "compiles to the same bytes:", back.Exact)
	// Output:
	// version 1.2.0.0
	// deploy as {11111111-2222-3333-4444-555555555555}.cip
	// format 7 compiles to the same bytes: true
}

// All problems of a policy come at once, with their lines.
func ExamplePolicy_Validate() {
	policy, err := cipolicy.ReadBytes([]byte(policyXML))
	if err != nil {
		fmt.Println(err)
		return
	}
	policy.FileRules = nil
	for _, p := range policy.Validate() {
		fmt.Println(p)
	}
	// Output: line 19: FileRuleRef refers to ID_DENY_OLD, which does not exist
}
