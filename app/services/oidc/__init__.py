"""Access tokens of an OpenID provider: who a caller is, by the provider's signature.

`tokens.Verifier` is what others use. It asks `keys` for the key that a token names, which asks
`provider` when it must, and has `claims` read what the token says.
"""
