// What the bearer of an access token may do. Only auth-service decides: this is for what to show.

/** The scopes that the token names; none if it is not one of auth-service's. */
export async function scopesOf(session) {
  const [, payload = ''] = (await session.accessToken()).split('.')
  try {
    const { scope } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
    return scope.split(' ')
  } catch {
    return []
  }
}
