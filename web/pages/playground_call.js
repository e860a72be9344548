// One real call to a service. It carries no cookies: the developer's own session on these pages is none of its business.

/** What docs/sessions.md asks of a client: half a window of the default length. */
const TIMEOUT = 5000

/** What was asked and answered. `status` is null where nobody answered, or something that is neither of our services. */
export async function call(method, url, { token, body } = {}) {
  const headers = { ...(body && { 'content-type': 'application/json' }), ...(token && { authorization: `Bearer ${token}` }) }
  const asked = { request: `${method} ${url}`, sent: performance.now(), status: null, json: null, retryAfter: null }
  try {
    const response = await fetch(url, {
      method,
      headers,
      body: body && JSON.stringify(body),
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT),
    })
    const json = response.status === 204 ? null : await response.json()
    const retryAfter = Number(response.headers.get('retry-after')) || null
    return { ...asked, status: response.status, json, retryAfter }
  } catch {
    return asked
  }
}

export const isOk = ({ status }) => status >= 200 && status < 300

/** Nothing was decided: later, the same call may well succeed. */
export const isNotNow = ({ status }) => status === null || status === 429 || status >= 500
