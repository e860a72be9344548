// Reads tokens, a line each, and says what a verifier makes of them: `ok <subject>`, `refused <why>`, or
// `unavailable <why>` when it cannot tell. With the address of a revocation feed, it follows that too: what has ended is
// `refused ended`, and `age` is answered with the feed's, in seconds.
import { webcrypto } from 'node:crypto'
import { createInterface } from 'node:readline'

// Node 18 does not have it by itself.
globalThis.crypto ??= webcrypto

const [module, issuer, audience, cooldown, keysUrl, feed] = process.argv.slice(2)
const { CannotVerify, verifier } = await import(`./${module}.mjs`)
const verify = verifier(issuer, audience, keysUrl, Number(cooldown))
const { revocations } = feed ? await import('./revocations.mjs') : {}
const ended = revocations?.(verify, feed)
for await (const line of createInterface({ input: process.stdin })) {
  try {
    if (line === 'age') {
      console.log('age', ended.age())
      continue
    }
    const claims = await verify(line)
    console.log(...(ended?.refuses(claims) ? ['refused', 'ended'] : ['ok', claims.sub]))
  } catch (refusal) {
    const word = refusal instanceof CannotVerify ? 'unavailable' : 'refused'
    console.log(word, refusal.code ?? refusal.name, refusal.message.replaceAll(/\s+/g, ' '))
  }
}
// The feed would be followed for ever.
process.exit()
