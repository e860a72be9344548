import * as oauth from 'oauth4webapi'

/** The keys could not be fetched. */
export class CannotVerify extends Error {}

/** RFC 9068 by the book. Plain http is for loopback only. It keeps keys for five minutes, one at least. */
export function verifier(issuer, audience, keysUrl = `${issuer}/.well-known/jwks.json`) {
  const server = { issuer, jwks_uri: keysUrl }
  const rules = { signingAlgorithms: ['RS256'], [oauth.clockTolerance]: 5, [oauth.allowInsecureRequests]: true }
  return async (token) => {
    const request = new Request('http://127.0.0.1/', { headers: { authorization: `Bearer ${token}` } })
    const claims = await oauth.validateJwtAccessToken(server, request, audience, rules).catch((error) => {
      throw error.message === 'fetch failed' ? new CannotVerify('no keys', { cause: error }) : error
    })
    // What RFC 9068 leaves to others.
    const texts = ['sub', 'client_id', 'jti', 'sid', 'scope'].every((name) => typeof claims[name] === 'string')
    if ('cnf' in claims || !texts || claims.iat > Date.now() / 1000 + 5) throw new Error('not as Jeton has them')
    return claims
  }
}
