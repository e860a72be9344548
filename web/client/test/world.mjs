// A browser and an auth-service that do what a test says, at a time that a test moves.

import { setMaxListeners } from 'node:events'

setMaxListeners(0)
let numberOfBrowsers = 0

/** What tabs share: a cookie jar, storage, channels, locks, the network, and the service behind it. */
export class Browser {
  constructor() {
    this.url = `https://auth-${++numberOfBrowsers}.example.com/`
    this.monotonic = 1000
    this.wall = Date.parse('2026-01-01T00:00:00Z')
    this.timers = new Map()
    this.channels = new Set()
    this.localStorage = {}
    this.locks = new Locks()
    this.requests = []
    this.sessions = new Map()
    this.jar = null
    this.lifetime = 900
    this.tokens = 0
    /** By path: what answers instead of the service. */
    this.answers = {}
    /** While false, every request fails. */
    this.online = true
    this.tabs = []
  }

  /** A page with its own copy of the module, as each tab has. */
  async tab(options = {}, changes = {}) {
    const tab = new Tab(this, changes)
    const { createSession } = await import(`../client.js?tab=${this.url}${this.tabs.length}`)
    this.tabs.push(tab)
    tab.createSession = (more = {}) => createSession({ url: this.url, env: tab.env, ...options, ...more })
    tab.session = tab.createSession()
    tab.changes = []
    tab.session.onChange((state) => tab.changes.push(state.reason))
    return tab
  }

  /** A tab in which Ada is logged in. */
  async loggedIn(options, changes) {
    const tab = await this.tab(options, changes)
    await tab.session.login({ email: 'ada', password: 'right' })
    this.requests.length = 0
    tab.changes.length = 0
    return tab
  }

  paths() {
    return this.requests.map(({ method, path }) => `${method} ${path}`)
  }

  async fetch(input, init) {
    const request = new Request(input, init)
    // Node's request follows it only while it is not collected.
    const signal = init?.signal ?? input.signal ?? request.signal
    const { origin, pathname: path } = new URL(request.url)
    const sent = { method: request.method, path, origin, headers: request.headers, keepalive: request.keepalive, body: await request.clone().text() }
    signal.throwIfAborted()
    this.requests.push(sent)
    const answer = this.online ? Promise.resolve((this.answers[path] ?? ((sent) => this.serve(sent)))(sent)) : Promise.reject(new TypeError('offline'))
    const aborted = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const made = await Promise.race([answer, aborted])
    if (made instanceof Error) throw made
    if (!made.url) Object.defineProperty(made, 'url', { value: request.url })
    return made
  }

  serve({ path, headers, body, method }) {
    const session = this.sessions.get(this.jar)
    const bearer = headers.get('authorization')?.replace('Bearer ', '')
    const isAllowed = session && headers.get('x-csrf-token') === session.csrf
    switch (`${method} ${path}`) {
      case 'GET /auth/csrf':
        return session ? json(200, { csrf_token: session.csrf }) : problem(401, 'invalid_refresh_token')
      case 'POST /auth/refresh':
        if (!session) return problem(401, this.endCode ?? 'invalid_refresh_token')
        return isAllowed ? this.issue(session) : problem(403, 'csrf_rejected')
      case 'POST /auth/login': {
        const { email, password } = JSON.parse(body)
        if (password !== 'right') return problem(401, 'invalid_credentials')
        return this.begin(email)
      }
      case 'POST /auth/login/passkey':
      case 'POST /auth/login/second-factor':
        return this.begin('shown')
      case 'POST /auth/confirm':
        return JSON.parse(body).code === 'address' ? new Response(null, { status: 204 }) : this.begin('new')
      case 'POST /auth/register':
      case 'POST /auth/password/forgot':
      case 'POST /auth/login/code':
        return json(202, { flow: 'f1', expires_in: 900 })
      case 'POST /auth/logout':
        if (session && !isAllowed) return problem(403, 'csrf_rejected')
        this.sessions.delete(this.jar)
        this.jar = null
        return new Response(null, { status: 204 })
      case 'POST /auth/logout-all':
        this.sessions.clear()
        this.jar = null
        return new Response(null, { status: 204 })
      default:
        if (!bearer) return problem(401, 'token_missing', { 'www-authenticate': 'Bearer' })
        return json(200, { path, bearer, body })
    }
  }

  /** A login by somebody, of which this page hears nothing. */
  begin(user) {
    this.sessions.delete(this.jar)
    this.jar = `session-${user}-${++this.tokens}`
    const session = { id: this.jar, csrf: `csrf-${this.jar}` }
    this.sessions.set(this.jar, session)
    return this.issue(session)
  }

  issue(session) {
    const token = `token-${++this.tokens}`
    return json(200, { access_token: token, token_type: 'Bearer', expires_in: this.lifetime, session_id: session.id, csrf_token: session.csrf })
  }

  /** Time passes, for both clocks unless said otherwise, and what is due happens. */
  async pass(ms, { monotonic = ms, wall = ms } = {}) {
    const end = this.monotonic + monotonic
    await settled()
    for (;;) {
      const [timer] = [...this.timers.entries()].sort(([, a], [, b]) => a.at - b.at)
      if (!timer || timer[1].at > end) break
      const [id, { at, callback }] = timer
      this.timers.delete(id)
      this.wall += Math.max(0, at - this.monotonic)
      wall -= Math.max(0, at - this.monotonic)
      this.monotonic = Math.max(this.monotonic, at)
      callback()
      await settled()
    }
    this.monotonic = end
    this.wall += wall
    await settled()
  }
}

class Tab {
  constructor(browser, changes) {
    this.window = new EventTarget()
    this.document = Object.assign(new EventTarget(), { visibilityState: 'visible', prerendering: false })
    // As events of a real document do on their way down, through the window's capture phase.
    const { dispatchEvent } = this.document
    this.document.dispatchEvent = (event) => {
      this.window.dispatchEvent(new Event(event.type))
      dispatchEvent.call(this.document, event)
    }
    this.listeners = 0
    for (const target of [this.window]) {
      const add = target.addEventListener.bind(target)
      target.addEventListener = (type, listener, options) => {
        this.listeners++
        options?.signal?.addEventListener('abort', () => this.listeners--)
        add(type, listener, options)
      }
    }
    let timers = 0
    this.timers = new Set()
    const setTimeout = (callback, ms) => {
      const id = `${browser.tabs.length}-${this.window === null}-${++timers}-${Math.random()}`
      browser.timers.set(id, { at: browser.monotonic + ms, callback })
      return id
    }
    this.env = {
      fetch: (input, init) => browser.fetch(input, init),
      setTimeout: (callback, ms) => {
        const id = setTimeout(callback, ms)
        this.timers.add(id)
        return id
      },
      clearTimeout: (id) => {
        browser.timers.delete(id)
        this.timers.delete(id)
      },
      performance: { now: () => browser.monotonic },
      Date: { now: () => browser.wall },
      Math: { random: () => 0.5 },
      AbortSignal: {
        timeout(ms) {
          const controller = new AbortController()
          setTimeout(() => controller.abort(new DOMException('', 'TimeoutError')), ms)
          return controller.signal
        },
      },
      location: { origin: 'https://app.example.com' },
      document: this.document,
      addEventListener: this.window.addEventListener,
      localStorage: browser.localStorage,
      navigator: { locks: browser.locks },
      BroadcastChannel: channelOf(browser),
      ...changes,
    }
  }

  /** The client's own timers that are still to fire. */
  pending(browser) {
    return [...this.timers].filter((id) => browser.timers.has(id)).length
  }

  show(visibilityState) {
    this.document.visibilityState = visibilityState
    this.document.dispatchEvent(new Event('visibilitychange'))
  }

  fire(type, members) {
    this.window.dispatchEvent(Object.assign(new Event(type), members))
  }
}

function channelOf(browser) {
  return class {
    constructor(name) {
      this.name = name
      browser.channels.add(this)
    }
    postMessage(data) {
      browser.messages = [...(browser.messages ?? []), data]
      for (const other of browser.channels)
        if (other !== this && other.name === this.name) setImmediate(() => browser.channels.has(other) && other.onmessage?.({ data: structuredClone(data) }))
    }
    close() {
      browser.channels.delete(this)
    }
  }
}

export class Locks {
  queue = Promise.resolve()
  held = 0
  async request(name, { signal }, work) {
    signal.throwIfAborted()
    const before = this.queue
    let release
    this.queue = new Promise((resolve) => (release = resolve))
    const aborted = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    try {
      await Promise.race([before, aborted])
    } catch (error) {
      before.then(release)
      throw error
    }
    this.held++
    try {
      return await work()
    } finally {
      this.held--
      release()
    }
  }
}

export const json = (status, body, headers = {}) => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })
export const problem = (status, code, headers = {}) =>
  json(status, { type: `urn:jeton:problem:${code}`, title: code, status, code, detail: `about ${code}` }, headers)
export const invalidToken = () => problem(401, 'token_expired', { 'www-authenticate': 'Bearer error="invalid_token"' })

/** Until nothing is left that can go on without time passing. */
export async function settled() {
  for (let turn = 0; turn < 25; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** An answer that the test gives later. */
export function later() {
  let give
  const answer = new Promise((resolve) => (give = resolve))
  return { answer: () => answer, give }
}
