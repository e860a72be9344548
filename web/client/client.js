// The browser client of auth-service. What it promises is in client.d.ts; why it works like this, in docs/browser.md and docs/sessions.md.

class Failure extends Error {
  constructor(facts) {
    super(JSON.stringify(facts))
    Object.assign(this, facts)
  }
}

export class SessionEnded extends Failure {
  name = 'SessionEnded'
}

export class NotNow extends Failure {
  name = 'NotNow'
}

export class Refused extends Failure {
  name = 'Refused'
}

export class AuthenticationInsufficient extends Refused {
  name = 'AuthenticationInsufficient'
}

const cores = new Map()

export function createSession(options = {}) {
  const url = new URL(options.url ?? '/', import.meta.url)
  const core = cores.get(url.href) ?? openCore(url, options)
  const session = Object.create(core.session)
  session.close = session[Symbol.dispose] = () => core.users.delete(session) && (core.users.size || core.close())
  core.users.add(session)
  return session
}

const abortable = (promise, signal) =>
  Promise.race([
    promise,
    new Promise((_, reject) => {
      signal?.throwIfAborted()
      signal?.addEventListener('abort', () => reject(signal.reason))
    }),
  ])

function openCore(url, { env: world = globalThis, origins = [], timeout = 5000, keepFresh = true }) {
  const { document, location } = world
  const name = `jeton:${url}`
  const listeners = new Set()
  const closing = new AbortController()
  let state = { phase: 'unknown', sessionId: null, reachable: true, reason: 'start' }
  let token, csrf, flight, timer, channel, why, proof

  // All that is ever stored is this name, as the mark "logged out, and the server does not know".
  let store = {}
  try {
    world.localStorage[name]
    store = world.localStorage
  } catch {}

  // performance.now() may stand still while the machine sleeps, and Date.now() be set back: whichever runs faster counts.
  let time = 0
  let clocks = [0, 0]
  function clock() {
    const was = clocks
    clocks = [world.performance.now(), world.Date.now()]
    return (time += Math.max(clocks[0] - was[0], clocks[1] - was[1]))
  }
  // When the token was asked for, or when the server was heard last.
  let sent = clock()
  let lifetime = 0
  let failures = 0
  let next = 0
  let pause = location ? 0 : Infinity
  let trouble = new NotNow({ status: null, retryAfter: null, code: null })

  // What belongs to one login. Once that is over its requests are aborted, and change nothing: neither here nor in the cookie jar.
  let epoch = new AbortController()
  function raise(code) {
    epoch.abort(new SessionEnded({ code }))
    epoch = new AbortController()
    flight = token = proof = null
  }

  function change(phase, sessionId, reason, reachable = true) {
    const was = state
    const isSame = phase === was.phase && sessionId === was.sessionId
    if (isSame && reachable === was.reachable) return
    if (isSame) reason = reachable ? 'reachable' : 'unreachable'
    else {
      if (phase === was.phase) raise((reason = 'switched'))
      why = reason
    }
    const is = (state = { phase, sessionId, reachable, reason })
    // In microtasks, what a listener changes is reported after this, and what it throws goes where reportError() would send it.
    for (const listener of listeners) queueMicrotask(() => listeners.has(listener) && listener(is, was))
  }

  function become(phase, sessionId, reason, reachable) {
    sent = clock()
    next = Infinity
    failures = pause = 0
    change(phase, sessionId, reason, reachable)
  }

  function leave(reason) {
    raise(reason)
    become('out', null, reason, state.reachable)
  }

  // The JSON of an answer, or one of the three errors. What is not JSON comes from a captive portal, or a proxy. 202 and 204 may say nothing.
  async function ask(method, path, init, send = world.fetch) {
    if (document?.prerendering) await new Promise((resolve) => document.addEventListener('prerenderingchange', resolve))
    const { signal } = epoch
    const sent = clock()
    let answer, json
    try {
      answer = await send.call(world, new URL(path, url), {
        method,
        credentials: 'include',
        redirect: 'error',
        signal: AbortSignal.any([signal, world.AbortSignal.timeout(timeout)]),
        ...init,
      })
      const body = await answer.text()
      json = body || ![202, 204].includes(answer.status) ? JSON.parse(body) : {}
    } catch (error) {
      if (error instanceof Failure) throw error
    }
    signal.throwIfAborted()
    const status = answer?.status ?? null
    if (!json || status === 429 || status >= 500) {
      const after = answer?.headers.get('retry-after')
      const seconds = isNaN(after) ? (Date.parse(after) - world.Date.now()) / 1000 : after
      throw new NotNow({ status, retryAfter: Math.max(0, seconds) || null, code: json?.code ?? null })
    }
    if (!answer.ok) {
      const challenge = answer.headers.get('www-authenticate') ?? ''
      if (status !== 401 || !/authentication_insufficient|insufficient_user_authentication/.test(json.code + challenge)) throw new Refused({ problem: json })
      // RFC 9470. A refresh is no cure: it brings what the login has shown, and nothing newer.
      const [acr = '', age] = ['acr_values', 'max_age'].map((name) => RegExp(`${name}="?([^",]*)`).exec(challenge)?.[1])
      throw new AuthenticationInsufficient({ problem: json, acrValues: acr.split(' ').filter(Boolean), maxAge: age ? +age : null })
    }
    return json.access_token ? { ...json, sent } : json
  }

  function call(method, path, { language, ...body } = {}, send = authorized) {
    const headers = { 'content-type': 'application/json', ...(language && { 'accept-language': language }) }
    return ask(method, path, { headers, body: method === 'GET' ? null : JSON.stringify(body) }, send)
  }

  const post = (path, body) => call('POST', path, body, world.fetch)

  async function withCsrf(path, init) {
    const known = csrf
    csrf ??= (await ask('GET', '/auth/csrf')).csrf_token
    try {
      return await ask('POST', path, { headers: { 'x-csrf-token': csrf }, ...init })
    } catch (error) {
      const { status, code } = error.problem ?? {}
      if (!known || (status !== 401 && code !== 'csrf_rejected')) throw error
      // The cookie may be another session's by now, begun in another tab or by another application.
      csrf = null
      return withCsrf(path, init).catch((later) => {
        throw status === 401 ? error : later
      })
    }
  }

  // One tab at a time. This only saves traffic, and a frozen page keeps its lock: so not for long.
  async function locked(work) {
    const { signal } = epoch
    let working
    const once = () => (working ??= (signal.throwIfAborted(), work()))
    try {
      await world.navigator.locks.request(name, { signal: AbortSignal.any([signal, world.AbortSignal.timeout(2000)]) }, once)
    } catch {}
    const result = await once()
    signal.throwIfAborted()
    return result
  }

  function hold(tokens) {
    token = tokens.access_token
    sent = tokens.sent
    lifetime = tokens.expires_in * 1000
    if (keepFresh) next = sent + lifetime * (0.75 + 0.15 * world.Math.random())
    plan()
  }

  function adopt(tokens, reason) {
    become('in', tokens.session_id, reason)
    csrf = tokens.csrf_token
    // A refresh that was under way does not take away what the user has shown meanwhile.
    hold(proof?.sent > tokens.sent ? proof : tokens)
  }

  // Tells the server of a logout, or else exchanges the refresh token.
  async function exchange() {
    const { signal } = epoch
    try {
      if (store[name]) {
        // Not so the refresh: a browser stores the cookie of a request with keepalive even if it is aborted.
        await withCsrf('/auth/logout', { keepalive: true })
        delete store[name]
        return become('out', null)
      }
      const tokens = await locked(() => withCsrf('/auth/refresh'))
      if (!tokens.access_token) throw new NotNow({ status: null, retryAfter: null, code: null })
      adopt(tokens, 'restored')
    } catch (error) {
      signal.throwIfAborted()
      const { status, code } = error.problem ?? {}
      if (status === 401) {
        if (state.phase === 'in') raise(code)
        delete store[name]
        become('out', null, code)
        throw new SessionEnded({ code })
      }
      pause = clock() + 1000 * (error.retryAfter || 0) + Math.min(6e4, 1000 * 2 ** ++failures) * (1 - world.Math.random() / 2)
      next = pause
      trouble = error
      change(state.phase, state.sessionId, '', false)
      throw error
    } finally {
      // Otherwise whoever ended the epoch does.
      if (!signal.aborted) {
        flight = null
        plan()
      }
    }
  }

  // The answer to a logout clears the cookie, whenever it comes: so nobody logs in before.
  const logoutTold = () => store[name] && flight?.catch(() => {})

  async function enter(path, what) {
    await logoutTold()
    try {
      const tokens = await locked(() => post(path, what))
      if (tokens.access_token) {
        delete store[name]
        channel?.postMessage({ sessionId: tokens.session_id, csrf: tokens.csrf_token })
        raise('switched')
        adopt(tokens, 'login')
      }
    } finally {
      plan()
    }
    return state
  }

  async function accessToken({ minValidity = Math.min(10, lifetime / 2000), signal } = {}) {
    const { signal: mine } = epoch
    if (state.phase === 'out') throw new SessionEnded({ code: why })
    const isGood = () => sent + lifetime - clock() > minValidity * 1000 && token
    // Twice, because a frozen page gets an answer hours later.
    for (let tries = 2; tries && !isGood(); tries--) {
      if (pause > time && !flight) throw trouble
      await abortable((flight ??= exchange()), signal)
      mine.throwIfAborted()
    }
    return token
  }

  async function authorized(input, init) {
    let request = new Request(input, init)
    const isTrusted = (address) => [location?.origin, url.origin, ...origins].includes(new URL(address).origin)
    if (!isTrusted(request.url)) return world.fetch(request)
    const again = init?.body instanceof ReadableStream ? null : request.clone()
    // The caller's own signal, not the request's, which follows it only while that request is not collected (Node 20).
    const given = init?.signal === undefined ? input.signal : init.signal
    const signal = AbortSignal.any([epoch.signal, given].filter(Boolean))
    for (;;) {
      const used = await accessToken({ signal })
      request.headers.set('authorization', `Bearer ${used}`)
      const answer = await world.fetch(request, { signal })
      // CORS may hide the header.
      const isAboutToken = /invalid_token|^cors$/.test(answer.headers.get('www-authenticate') ?? answer.type)
      if (answer.status !== 401 || !isAboutToken || request === again || !isTrusted(answer.url)) return answer
      if (used === token) token = null
      if (!again) return answer
      request = again
    }
  }

  // What is due, and when. Timers stand still while the machine sleeps: so none is long, and each looks at the clock again.
  function plan({ type, persisted } = {}) {
    world.clearTimeout(timer)
    if (closing.signal.aborted) return
    clock()
    if (failures && type === 'online') next = pause = 0
    if (persisted) next = 0
    if (type && time - sent > 6e4) next = Math.min(next, time + 1000 * world.Math.random())
    if (store[name] && state.phase !== 'out') {
      leave('logout')
      next = 0
    }
    if (!store[name] && state.phase !== 'unknown' && document?.visibilityState === 'hidden') return
    const wait = Math.max(next, pause) - time
    if (wait > 0) timer = wait < Infinity && world.setTimeout(plan, Math.min(wait, 6e4))
    else (flight ??= exchange()).catch(() => {})
  }

  const core = {
    users: new Set(),
    session: {
      get state() {
        return state
      },
      onChange(listener) {
        const own = (...change) => listener(...change)
        listeners.add(own)
        return () => listeners.delete(own)
      },
      async ready(signal) {
        while (state.phase === 'unknown') await abortable(new Promise((resolve) => listeners.add(resolve)), signal)
        return state
      },
      call,
      post,
      user: () => call('GET', '/auth/me'),
      register: (who) => post('/auth/register', who),
      async login(who) {
        await logoutTold()
        raise('switched')
        return enter('/auth/login', who)
      },
      loginSecondFactor: (what) => enter('/auth/login/second-factor', what),
      loginPasskey: (what) => enter('/auth/login/passkey', what),
      async reauthenticate(credentials) {
        const { signal } = epoch
        const tokens = await call('POST', '/auth/reauthenticate', credentials)
        signal.throwIfAborted()
        hold((proof = tokens))
      },
      confirm: (what) => enter('/auth/confirm', what),
      resetPassword: (what) => enter('/auth/password/reset', what),
      logout() {
        try {
          store[name] = 1
        } catch {
          store = { [name]: 1 }
        }
        channel?.postMessage({})
        leave('logout')
        flight = exchange()
        return flight.catch(() => {})
      },
      async logoutEverywhere() {
        await call('POST', '/auth/logout-all')
        channel?.postMessage({})
        leave('logout')
      },
      fetch: authorized,
      accessToken,
    },
    close() {
      cores.delete(url.href)
      closing.abort()
      listeners.clear()
      world.clearTimeout(timer)
      channel = channel?.close()
    },
  }
  cores.set(url.href, core)

  if (location) {
    // Those of the document come by in the capture phase.
    for (const type of ['visibilitychange', 'resume', 'online', 'pageshow'])
      world.addEventListener(type, plan, { signal: closing.signal, capture: true })
    try {
      channel = new world.BroadcastChannel(name)
      channel.onmessage = ({ data }) => {
        if (!data.sessionId) {
          leave('logout-elsewhere')
          // By then that tab may have gone without having told the server.
          next = clock() + 6e4
        } else if (data.sessionId !== state.sessionId) {
          raise('switched')
          csrf = data.csrf
          become('in', data.sessionId, 'login')
          next = 0
        }
        plan()
      }
    } catch {}
    plan()
  }
  return core
}
