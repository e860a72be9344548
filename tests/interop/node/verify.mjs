import { createRemoteJWKSet, jwtVerify } from 'jose'

const REQUIRED = ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'client_id', 'sid', 'scope']

/** A function from a token to its claims; it throws for anything but a good access token. */
export async function verifier(issuer, audience, cooldown = 10) {
  const url = `${issuer}/.well-known/oauth-authorization-server`
  const metadata = await (await fetch(url, { signal: AbortSignal.timeout(5000) })).json()
  if (metadata.issuer !== issuer) throw new Error("these are another issuer's metadata")

  // Keys are fetched again after cacheMaxAge, and once per cooldown for a key id that is not known.
  const caching = { cacheMaxAge: 300_000, cooldownDuration: cooldown * 1000 }
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri), caching)
  const pinned = { algorithms: ['RS256'], typ: 'at+jwt', issuer, audience }
  const rules = { ...pinned, requiredClaims: REQUIRED, clockTolerance: 5, maxTokenAge: '1h' }
  return async (token) => {
    const { payload } = await jwtVerify(token, keys, rules)
    if ('cnf' in payload) throw new Error('bound to a key of its holder, which is not checked here')
    return payload
  }
}
