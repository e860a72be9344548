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
  const rules = { audience, requiredClaims: REQUIRED, clockTolerance: 5, maxTokenAge: '1h' }
  let keys, etag, staleAt = 0, nextTry = 0, fetching
  return Object.assign(verify, { issuer, signed, published })

  async function verify(token) {
    const payload = await signed(token, 'at+jwt', rules)
    if (TEXTS.some((name) => typeof payload[name] !== 'string')) throw new Error('a claim is not a string')
    if ('cnf' in payload) throw new Error('bound to a key of its holder, which is not checked here')
    return payload
  }

  /** The claims of what the issuer has signed, if it is of this type. */
  async function signed(token, typ, rules) {
    return (await jwtVerify(token, key, { ...rules, algorithms: ['RS256'], typ, issuer })).payload
  }

  /** What the revocation feed says is published now: other keys than these are fetched, once per cooldown. */
  function published(now) {
    if (!etag || etag === now) return
    staleAt = 0
    if (!fetching && performance.now() >= nextTry) beginFetch()
  }

  function beginFetch() {
    fetching = fetchKeys().finally(() => (fetching = undefined))
  }

  async function key(header, token) {
    const known = await keys?.(header, token).catch(() => {})
    const due = !known || performance.now() >= staleAt
    const begins = due && !fetching && performance.now() >= nextTry
    if (begins) beginFetch()
    // While one call fetches, callers that have the key, even an old one, go on with it.
    if (known && !begins) return known
    await fetching
    if (!keys) throw new CannotVerify(`no keys from ${keysUrl} yet`)
    return keys(header, token)
  }

  /** For as long as the answer says. If it fails, the current keys stay. */
  async function fetchKeys() {
    try {
      const { text, headers } = await download(keysUrl)
      const all = JSON.parse(text).keys
      const usable = all.filter((key) => key.kty === 'RSA' && key.use === 'sig' && key.alg === 'RS256' && key.kid)
      if (usable.length === 0) throw new Error('no usable key')
      const maxAge = /max-age=(\d+)/.exec(headers.get('cache-control'))?.[1] ?? 300
      keys = createLocalJWKSet({ keys: usable })
      etag = headers.get('etag')?.replace(/^W\//, '')
      staleAt = performance.now() + (maxAge - (headers.get('age') ?? 0)) * 1000
    } catch (failure) {
      console.warn(`no new keys from ${keysUrl}: ${failure.message}`)
    }
    nextTry = performance.now() + (keys ? cooldown : Math.min(cooldown, 1)) * 1000
  }
}

/** A published document, and its headers. It gives up after that many seconds, even if bytes keep trickling in. */
export async function download(url, seconds = 5, limit = 1 << 18) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(seconds * 1000), redirect: 'error' })
  const chunks = []
  let size = 0
  for await (const chunk of answer.body) {
    if ((size += chunk.length) > limit) throw new Error(`more than ${limit} bytes`)
    chunks.push(chunk)
  }
  if (!answer.ok) throw Object.assign(new Error(`status ${answer.status}`), { status: answer.status })
  return { text: Buffer.concat(chunks).toString(), headers: answer.headers }
}
