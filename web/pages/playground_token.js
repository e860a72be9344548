// Tokens as text: read, shortened, forged.

function decoded(part) {
  const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0))
  return JSON.parse(new TextDecoder().decode(bytes))
}

function encoded(value) {
  const bytes = new TextEncoder().encode(JSON.stringify(value))
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

export const headerOf = (token) => decoded(token.split('.')[0])
export const payloadOf = (token) => decoded(token.split('.')[1])

/** All of them begin alike: what tells them apart is the end. */
export const shortened = (token) => `${token.slice(0, 6)}…${token.slice(-8)}`

/** The token of somebody who would like to be an admin, and has no key to sign it with. */
export function forged(token) {
  const [header, , signature] = token.split('.')
  return [header, encoded({ ...payloadOf(token), roles: ['admin'] }), signature].join('.')
}

/** What a service has answered, without a token that could be used. */
export const withoutTokens = (json) =>
  JSON.stringify(json, (name, value) => (/token$/.test(name) && typeof value === 'string' && value.length > 20 ? shortened(value) : value), 2)
