// What the bearer of an access token may do. Only auth-service decides: this is for what to show.

/** The scopes that the token names; none if it is not one of auth-service's. `options` are those of `accessToken`. */
export async function scopesOf(session, options) {
  const [, payload = ''] = (await session.accessToken(options)).split('.')
  try {
    const { scope } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
    return scope.split(' ')
  } catch {
    return []
  }
}
