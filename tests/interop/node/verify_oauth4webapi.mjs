import * as oauth from 'oauth4webapi'

/** RFC 8414 and RFC 9068 by the book. Plain http is for loopback only. It keeps keys for five minutes, one at least. */
export async function verifier(issuer, audience) {
  const options = { algorithm: 'oauth2', [oauth.allowInsecureRequests]: true }
  const expected = new URL(issuer)
  const server = await oauth.processDiscoveryResponse(expected, await oauth.discoveryRequest(expected, options))
  const rules = { signingAlgorithms: ['RS256'], [oauth.clockTolerance]: 5, [oauth.allowInsecureRequests]: true }
  return async (token) => {
    const request = new Request('http://127.0.0.1/', { headers: { authorization: `Bearer ${token}` } })
    const claims = await oauth.validateJwtAccessToken(server, request, audience, rules)
    // What RFC 9068 leaves to others.
    if ('cnf' in claims || !claims.sid || claims.iat > Date.now() / 1000 + 5) throw new Error('not as Jeton has them')
    return claims
  }
}
