// Reads wishes, a line of JSON each, and mints them with jose: `token <token>`, or `refused <why>`.
import { webcrypto } from 'node:crypto'
import { createInterface } from 'node:readline'

// Node 18 does not have it by itself.
globalThis.crypto ??= webcrypto
const { SignJWT, UnsecuredJWT, importPKCS8 } = await import('jose')

async function minted({ key, header, claims }) {
  if (header.alg === 'none') return withHeader(new UnsecuredJWT(claims).encode(), header)
  const secret = header.alg === 'HS256' ? Buffer.from(key, 'base64') : await importPKCS8(key, header.alg)
  return new SignJWT(claims).setProtectedHeader(header).sign(secret)
}

/** jose writes no header but alg for an unsecured token. */
function withHeader(token, header) {
  return [Buffer.from(JSON.stringify(header)).toString('base64url'), ...token.split('.').slice(1)].join('.')
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log('token', await minted(JSON.parse(line)))
  } catch (refusal) {
    console.log('refused', refusal.code ?? refusal.name, refusal.message.replaceAll(/\s+/g, ' '))
  }
}
