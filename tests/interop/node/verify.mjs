import { createLocalJWKSet, jwtVerify } from 'jose' // 4.15 or newer

const TEXTS = ['sub', 'client_id', 'jti', 'sid', 'scope']
const REQUIRED = ['iss', 'aud', 'exp', 'iat', ...TEXTS]

/** No keys could be fetched yet: nothing can be said about the token. Answer 503, not 401. */
export class CannotVerify extends Error {}

/**
 * A function from a token to its claims; it throws CannotVerify (503), or another error for a bad token (401).
 * It fetches nothing before the first token. `keysUrl`: where this program reaches the keys, if not at the issuer's URL.
 */
export function verifier(issuer, audience, keysUrl = `${issuer}/.well-known/jwks.json`, cooldown = 10) {
  const pinned = { algorithms: ['RS256'], typ: 'at+jwt', issuer, audience }
  const rules = { ...pinned, requiredClaims: REQUIRED, clockTolerance: 5, maxTokenAge: '1h' }
  let keys, staleAt = 0, nextTry = 0, fetching

  return async (token) => {
    const { payload } = await jwtVerify(token, key, rules)
    if (TEXTS.some((name) => typeof payload[name] !== 'string')) throw new Error('a claim is not a string')
    if ('cnf' in payload) throw new Error('bound to a key of its holder, which is not checked here')
    return payload
  }

  async function key(header, token) {
    const known = await keys?.(header, token).catch(() => {})
    const due = !known || performance.now() >= staleAt
    const begins = due && !fetching && performance.now() >= nextTry
    if (begins) fetching = fetchKeys().finally(() => (fetching = undefined))
    // While one call fetches, callers that have the key, even an old one, go on with it.
    if (known && !begins) return known
    await fetching
    if (!keys) throw new CannotVerify(`no keys from ${keysUrl} yet`)
    return keys(header, token)
  }

  /** For as long as the answer says. If it fails, the current keys stay. */
  async function fetchKeys() {
    try {
      const answer = await fetch(keysUrl, { signal: AbortSignal.timeout(5000), redirect: 'error' })
      const chunks = []
      let size = 0
      for await (const chunk of answer.body) {
        if ((size += chunk.length) > 1 << 18) throw new Error('more than 256 KiB')
        chunks.push(chunk)
      }
      const published = JSON.parse(Buffer.concat(chunks)).keys
      const usable = published.filter((key) => key.kty === 'RSA' && key.use === 'sig' && key.alg === 'RS256' && key.kid)
      if (!answer.ok || usable.length === 0) throw new Error(`${answer.status}, no usable key`)
      const maxAge = /max-age=(\d+)/.exec(answer.headers.get('cache-control'))?.[1] ?? 300
      keys = createLocalJWKSet({ keys: usable })
      staleAt = performance.now() + (maxAge - (answer.headers.get('age') ?? 0)) * 1000
    } catch (failure) {
      console.warn(`no new keys from ${keysUrl}: ${failure.message}`)
    }
    nextTry = performance.now() + (keys ? cooldown : Math.min(cooldown, 1)) * 1000
  }
}
