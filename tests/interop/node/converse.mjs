// Reads tokens, a line each, and says what a verifier makes of them: `ok <subject>`, `refused <why>`, or
// `unavailable <why>` when it cannot tell.
import { webcrypto } from 'node:crypto'
import { createInterface } from 'node:readline'

// Node 18 does not have it by itself.
globalThis.crypto ??= webcrypto

const [module, issuer, audience, cooldown, keysUrl] = process.argv.slice(2)
const { CannotVerify, verifier } = await import(`./${module}.mjs`)
const verify = verifier(issuer, audience, keysUrl, Number(cooldown))
for await (const token of createInterface({ input: process.stdin })) {
  try {
    console.log('ok', (await verify(token)).sub)
  } catch (refusal) {
    const word = refusal instanceof CannotVerify ? 'unavailable' : 'refused'
    console.log(word, refusal.code ?? refusal.name, refusal.message.replaceAll(/\s+/g, ' '))
  }
}
