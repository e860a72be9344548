// Reads tokens, a line each, and says what a verifier makes of them: `ok <subject>` or `refused <why>`.
import { webcrypto } from 'node:crypto'
import { createInterface } from 'node:readline'

// Node 18 does not have it by itself.
globalThis.crypto ??= webcrypto

const [module, issuer, audience, cooldown] = process.argv.slice(2)
const { verifier } = await import(`./${module}.mjs`)
const verify = await verifier(issuer, audience, Number(cooldown))
for await (const token of createInterface({ input: process.stdin })) {
  try {
    console.log('ok', (await verify(token)).sub)
  } catch (refusal) {
    console.log('refused', refusal.code ?? refusal.name, refusal.message.replaceAll(/\s+/g, ' '))
  }
}
