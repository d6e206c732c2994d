package identity

type probe struct{}
