import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Browser, Locks, invalidToken, json, later, problem, settled } from './world.mjs'

const API = 'https://app.example.com/api/notes'
const is = (name, code) => (error) => error.name === name && (code === undefined || (error.code ?? error.problem?.code) === code)
const refreshes = (browser) => browser.paths().filter((path) => path === 'POST /auth/refresh').length

// The start.

test('the import touches no global, and on a server nothing is asked', async () => {
  const before = Object.getOwnPropertyNames(globalThis)
  const { createSession } = await import('../client.js?server')
  const browser = new Browser()
  const tab = await browser.tab({}, { location: undefined, document: undefined })
  await browser.pass(1e6)
  assert.deepEqual(browser.requests, [])
  assert.equal(tab.session.state.phase, 'unknown')
  await assert.rejects(tab.session.fetch('https://auth.example.com/'.replace('https://auth.example.com/', browser.url)), is('NotNow'))
  assert.equal(typeof createSession, 'function')
  assert.deepEqual(Object.getOwnPropertyNames(globalThis), before)
})

test('nobody is logged in after one request', async () => {
  const browser = new Browser()
  const tab = await browser.tab()
  const state = await tab.session.ready()
  assert.equal(state.phase, 'out')
  assert.equal(state.reason, 'invalid_refresh_token')
  assert.deepEqual(browser.paths(), ['GET /auth/csrf'])
  await assert.rejects(tab.session.fetch(API), is('SessionEnded', 'invalid_refresh_token'))
  assert.equal(browser.requests.length, 1)
})

test('a reload finds the session', async () => {
  const browser = new Browser()
  browser.begin('ada')
  const tab = await browser.tab()
  assert.equal((await tab.session.ready()).reason, 'restored')
  assert.deepEqual(browser.paths(), ['GET /auth/csrf', 'POST /auth/refresh'])
  assert.equal(tab.session.state.sessionId, browser.jar)
})

test('a page that is prerendered waits', async () => {
  const browser = new Browser()
  browser.begin('ada')
  const document = Object.assign(new EventTarget(), { visibilityState: 'hidden', prerendering: true })
  const tab = await browser.tab({}, { document })
  const answer = tab.session.fetch(API)
  await browser.pass(60_000)
  assert.deepEqual(browser.requests, [])
  document.prerendering = false
  document.dispatchEvent(new Event('prerenderingchange'))
  assert.equal((await answer).status, 200)
  assert.equal(tab.session.state.phase, 'in')
})

test('the page of a captive portal is an outage, and not the end', async () => {
  const browser = new Browser()
  browser.begin('ada')
  browser.answers['/auth/csrf'] = () => new Response('<h1>Welcome to the hotel</h1>')
  const tab = await browser.tab()
  await settled()
  assert.deepEqual(tab.session.state, { phase: 'unknown', sessionId: null, reachable: false, reason: 'unreachable' })
  delete browser.answers['/auth/csrf']
  await browser.pass(2000)
  assert.equal(tab.session.state.phase, 'in')
})

test('ready() waits for an outage to end, and follows its signal', async () => {
  const browser = new Browser()
  browser.online = false
  const tab = await browser.tab()
  const ready = tab.session.ready()
  await assert.rejects(tab.session.ready(AbortSignal.abort()), is('AbortError'))
  await browser.pass(10_000)
  browser.online = true
  await browser.pass(60_000)
  assert.equal((await ready).phase, 'out')
})

// The age of a token.

test('a token is refreshed at 75 to 90 percent of its life, while the page is visible', async () => {
  for (const [random, percent] of [[0, 75], [0.999, 89.98]]) {
    const browser = new Browser()
    const tab = await browser.loggedIn({}, { Math: { random: () => random } })
    await browser.pass(percent * 9000 - 1000)
    assert.equal(refreshes(browser), 0)
    await browser.pass(2000)
    assert.equal(refreshes(browser), 1)
    assert.deepEqual(tab.changes, [])
  }
})

test('a hidden page refreshes when it becomes visible', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  tab.show('hidden')
  await browser.pass(3_600_000)
  assert.deepEqual(browser.requests, [])
  tab.show('visible')
  await browser.pass(1000)
  assert.equal(refreshes(browser), 1)
})

test('without keepFresh a token is refreshed when it is needed', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn({ keepFresh: false })
  await browser.pass(3_600_000)
  assert.deepEqual(browser.requests, [])
  assert.equal((await tab.session.fetch(API)).status, 200)
  assert.deepEqual(browser.paths(), ['POST /auth/refresh', 'GET /api/notes'])
})

test('after a sleep in which performance.now() stood still the token is old', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  await browser.pass(0, { wall: 8 * 3_600_000 })
  await tab.session.fetch(API)
  assert.deepEqual(browser.paths(), ['POST /auth/refresh', 'GET /api/notes'])
})

test('a clock that is set back makes no token younger', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn({ keepFresh: false })
  await browser.pass(0, { wall: -3_600_000 })
  await browser.pass(901_000)
  await tab.session.fetch(API)
  assert.equal(refreshes(browser), 1)
})

test('a clock that is an hour wrong costs nothing', async () => {
  const browser = new Browser()
  browser.wall += 3_600_000
  const tab = await browser.loggedIn()
  await tab.session.fetch(API)
  assert.deepEqual(browser.paths(), ['GET /api/notes'])
})

test('a token ages from the sending of its request', async () => {
  const browser = new Browser()
  const { answer, give } = later()
  const tab = await browser.loggedIn({ keepFresh: false, timeout: 1e9 })
  await browser.pass(900_000)
  browser.answers['/auth/refresh'] = answer
  const first = tab.session.accessToken()
  await browser.pass(3_600_000)
  delete browser.answers['/auth/refresh']
  const stale = browser.issue(browser.sessions.get(browser.jar))
  give(stale)
  const token = await first
  assert.equal(refreshes(browser), 2)
  assert.equal(token, `token-${browser.tokens}`)
})

test('after a thaw one refresh is enough', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  tab.show('hidden')
  await browser.pass(0, { wall: 8 * 3_600_000 })
  tab.document.visibilityState = 'visible'
  tab.document.dispatchEvent(new Event('resume'))
  tab.document.dispatchEvent(new Event('visibilitychange'))
  tab.fire('online')
  await browser.pass(2000)
  assert.equal(refreshes(browser), 1)
})

test('accessToken() is good for as long as asked', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn({ keepFresh: false })
  await browser.pass(400_000)
  assert.equal(await tab.session.accessToken({ minValidity: 400 }), 'token-2')
  assert.equal(await tab.session.accessToken({ minValidity: 600 }), 'token-3')
  await browser.pass(895_000)
  assert.equal(await tab.session.accessToken(), 'token-4')
})

test('a token that lives for seconds is used', async () => {
  const browser = new Browser()
  browser.lifetime = 4
  const tab = await browser.loggedIn({ keepFresh: false })
  await tab.session.fetch(API)
  assert.deepEqual(browser.paths(), ['GET /api/notes'])
})

// One refresh.

test('many calls wait for one refresh', async () => {
  const browser = new Browser()
  browser.begin('ada')
  const tab = await browser.tab()
  await Promise.all(Array.from({ length: 20 }, () => tab.session.fetch(API)))
  assert.equal(refreshes(browser), 1)
})

test('sessions with the same url share a core, and the last one closes it', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  const second = tab.createSession()
  assert.equal(second.state, tab.session.state)
  assert.deepEqual(browser.requests, [])
  tab.session.close()
  tab.session.close()
  assert.ok(tab.listeners > 0)
  assert.equal((await second.fetch(API)).status, 200)
  second[Symbol.dispose ?? 'dispose']?.()
  second.close()
  assert.equal(tab.listeners, 0)
  assert.equal(tab.pending(browser), 0)
  assert.equal(browser.channels.size, 0)
  await browser.pass(1e7)
  assert.deepEqual(browser.paths(), ['GET /api/notes'])
  const third = tab.createSession()
  tab.session.close()
  assert.equal((await third.ready()).phase, 'in')
  assert.equal(tab.createSession().state, third.state)
})

test('a lock that is never released is given up after two seconds', async () => {
  const browser = new Browser()
  browser.begin('ada')
  browser.locks.request('', { signal: new AbortController().signal }, () => new Promise(() => {}))
  const tab = await browser.tab()
  await browser.pass(1900)
  assert.deepEqual(browser.requests, [])
  await browser.pass(200)
  assert.equal(tab.session.state.phase, 'in')
})

test('tabs refresh one after another', async () => {
  const browser = new Browser()
  browser.begin('ada')
  let inFlight = 0
  browser.answers['/auth/refresh'] = async () => {
    assert.equal(++inFlight, 1)
    await new Promise((resolve) => setImmediate(resolve))
    inFlight--
    return browser.issue(browser.sessions.get(browser.jar))
  }
  const tabs = await Promise.all([1, 2, 3, 4, 5].map(() => browser.tab()))
  for (const { session } of tabs) assert.equal((await session.ready()).phase, 'in')
  assert.equal(browser.sessions.size, 1)
})

test('nothing of the application runs inside the lock', async () => {
  const browser = new Browser()
  const tab = await browser.tab()
  const held = []
  tab.session.onChange(() => held.push(browser.locks.held))
  await tab.session.login({ email: 'ada', password: 'right' })
  await settled()
  assert.deepEqual([...new Set(held)], [0])
})

test('storage, channels and locks may be absent or broken', async () => {
  const broken = () => {
    throw new DOMException('', 'SecurityError')
  }
  const refusing = new Proxy({}, { get: broken, set: broken, deleteProperty: broken })
  const full = new Proxy({}, { set: broken })
  for (const changes of [
    { localStorage: undefined, BroadcastChannel: undefined, navigator: undefined },
    { localStorage: null, BroadcastChannel: class { constructor() { broken() } }, navigator: { locks: { request: broken } } },
    { localStorage: refusing, BroadcastChannel: undefined },
    { get localStorage() { return broken() } },
    { localStorage: full },
  ]) {
    const browser = new Browser()
    const env = (await browser.tab()).env
    const tab = await browser.tab({}, {})
    tab.session.close()
    Object.defineProperties(tab.env, Object.getOwnPropertyDescriptors(changes))
    tab.session = tab.createSession()
    assert.ok(env)
    await tab.session.login({ email: 'ada', password: 'right' })
    assert.equal((await tab.session.fetch(API)).status, 200)
    browser.online = false
    await tab.session.logout()
    assert.equal(tab.session.state.phase, 'out')
    assert.notEqual(browser.jar, null)
    browser.online = true
    await browser.pass(5000)
    assert.equal(browser.jar, null, 'the server has heard of the logout')
  }
})

// Time-outs and epochs.

test('a request to auth-service is given up after five seconds', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn({ keepFresh: false })
  browser.answers['/auth/refresh'] = () => new Promise(() => {})
  await browser.pass(900_000)
  const answer = assert.rejects(tab.session.fetch(API), is('NotNow'))
  await browser.pass(4900)
  assert.equal(tab.session.state.reachable, true)
  await browser.pass(200)
  await answer
  assert.deepEqual(tab.session.state, { ...tab.session.state, phase: 'in', reachable: false, reason: 'unreachable' })
})

test('a late answer of an old login changes nothing after a logout', async () => {
  const browser = new Browser()
  const tab = await browser.tab()
  await tab.session.ready()
  const { answer, give } = later()
  browser.answers['/auth/login'] = answer
  const login = assert.rejects(tab.session.login({ email: 'ada', password: 'right' }), is('SessionEnded', 'logout'))
  await settled()
  await tab.session.logout()
  give(browser.begin('ada'))
  await login
  await settled()
  assert.equal(tab.session.state.phase, 'out')
})

test('an answer whose abort came too late changes nothing either', async () => {
  const browser = new Browser()
  const tab = await browser.tab({}, { fetch: (input, init) => browser.fetch(input, { ...init, signal: undefined }) })
  await tab.session.ready()
  const { answer, give } = later()
  browser.answers['/auth/login'] = answer
  const login = assert.rejects(tab.session.login({ email: 'ada', password: 'right' }), is('SessionEnded', 'logout'))
  await settled()
  await tab.session.logout()
  give(browser.begin('ada'))
  await login
  assert.equal(tab.session.state.phase, 'out')
})

test('an abort that a browser reports as any other is the end of that login all the same', async () => {
  const browser = new Browser()
  const tab = await browser.tab({}, { fetch: (input, init) => browser.fetch(input, init).catch(() => { throw new DOMException('', 'AbortError') }) })
  await tab.session.ready()
  browser.answers['/auth/login'] = () => new Promise(() => {})
  const login = assert.rejects(tab.session.login({ email: 'ada', password: 'right' }), is('SessionEnded', 'logout'))
  await settled()
  await tab.session.logout()
  await login
})

test('of two logins the later one counts', async () => {
  const browser = new Browser()
  const tab = await browser.tab()
  await tab.session.ready()
  const { answer, give } = later()
  browser.answers['/auth/login'] = answer
  const first = assert.rejects(tab.session.login({ email: 'ada', password: 'right' }), is('SessionEnded', 'switched'))
  await settled()
  delete browser.answers['/auth/login']
  await tab.session.login({ email: 'bob', password: 'right' })
  give(browser.issue({ id: 'ada', csrf: 'x' }))
  await first
  await settled()
  assert.equal(tab.session.state.sessionId, browser.jar)
  assert.match(browser.jar, /bob/)
})

test('a login ends the refresh that is in flight, so that its cookie does not come later', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn({ keepFresh: false })
  await browser.pass(900_000)
  const { answer, give } = later()
  browser.answers['/auth/refresh'] = answer
  const waiting = assert.rejects(tab.session.fetch(API), is('SessionEnded', 'switched'))
  await settled()
  await tab.session.login({ email: 'bob', password: 'right' })
  await waiting
  give(problem(401, 'session_ended'))
  await settled()
  assert.equal(tab.session.state.phase, 'in')
})

test('a wrong password is refused, and what was known stays', async () => {
  const browser = new Browser()
  browser.begin('ada')
  const { answer } = later()
  browser.answers['/auth/csrf'] = answer
  const tab = await browser.tab()
  await assert.rejects(tab.session.login({ email: 'ada', password: 'wrong' }), is('Refused', 'invalid_credentials'))
  delete browser.answers['/auth/csrf']
  await browser.pass(6000)
  assert.equal((await tab.session.ready()).phase, 'in')
})

// The outcomes.

test('only a 401 of the refresh ends a session', async () => {
  for (const [answer, name] of [
    [() => problem(401, 'session_ended'), 'SessionEnded'],
    [() => problem(403, 'insufficient_scope'), 'Refused'],
    [() => problem(400, 'ambiguous_credentials'), 'Refused'],
    [() => problem(429, 'too_many_requests', { 'retry-after': '7' }), 'NotNow'],
    [() => problem(503, 'unavailable', { 'retry-after': '7' }), 'NotNow'],
    [() => new Response('<p>Sign in to the proxy</p>', { status: 401 }), 'NotNow'],
    [() => json(200, {}), 'NotNow'],
    [() => new Response('<p>Welcome</p>'), 'NotNow'],
    [() => new Response('half an ans'), 'NotNow'],
    [() => new TypeError('offline'), 'NotNow'],
  ]) {
    const browser = new Browser()
    const tab = await browser.loggedIn({ keepFresh: false })
    if (name === 'SessionEnded') browser.sessions.clear()
    await browser.pass(900_000)
    browser.answers['/auth/refresh'] = answer
    await assert.rejects(tab.session.fetch(API), is(name), String(answer))
    assert.equal(tab.session.state.phase, name === 'SessionEnded' ? 'out' : 'in', String(answer))
    if (name === 'SessionEnded') assert.equal(tab.session.state.reason, 'session_ended')
    delete browser.answers['/auth/refresh']
    await browser.pass(60_000)
    if (name !== 'SessionEnded') assert.equal((await tab.session.fetch(API)).status, 200)
  }
})

test('the end has the code of the refresh', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn({ keepFresh: false })
  browser.sessions.clear()
  browser.endCode = 'refresh_reused'
  await browser.pass(900_000)
  await assert.rejects(tab.session.fetch(API), is('SessionEnded', 'refresh_reused'))
  assert.deepEqual(tab.changes, ['refresh_reused'])
})

test('a 401 of the refresh does not end a session that has taken the cookie over', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn({ keepFresh: false })
  await browser.pass(900_000)
  browser.answers['/auth/refresh'] = () => {
    delete browser.answers['/auth/refresh']
    browser.begin('bob')
    return problem(401, 'session_ended')
  }
  await assert.rejects(tab.session.fetch(API), is('SessionEnded', 'switched'))
  assert.equal(tab.session.state.phase, 'in')
  assert.equal(tab.session.state.reason, 'switched')
})

test('after csrf_rejected the CSRF token is asked for once', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn({ keepFresh: false })
  browser.answers['/auth/refresh'] = () => problem(403, 'csrf_rejected')
  await browser.pass(900_000)
  await assert.rejects(tab.session.fetch(API), is('Refused', 'csrf_rejected'))
  assert.deepEqual(browser.paths(), ['POST /auth/refresh', 'GET /auth/csrf', 'POST /auth/refresh'])
  assert.equal(tab.session.state.phase, 'in')
})

test('an outage is asked about after 1 s, and at most every 60 s', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  browser.online = false
  await browser.pass(750_000)
  await browser.pass(600_000)
  const tries = refreshes(browser)
  assert.ok(tries > 15 && tries < 25, `${tries} tries in ten minutes`)
  await assert.rejects(tab.session.fetch(API), is('NotNow'))
  assert.equal(refreshes(browser), tries, 'a call asks no earlier')
  assert.deepEqual(tab.changes, ['unreachable'])
  browser.online = true
  tab.fire('online')
  await settled()
  assert.deepEqual(tab.changes, ['unreachable', 'reachable'])
})

test('Retry-After is honoured, in seconds and as a date', async () => {
  for (const value of ['120', 'Thu, 01 Jan 2026 00:14:30 GMT']) {
    const browser = new Browser()
    const tab = await browser.loggedIn()
    browser.answers['/auth/refresh'] = () => problem(503, 'unavailable', { 'retry-after': value })
    await browser.pass(750_000)
    assert.equal(refreshes(browser), 1)
    await assert.rejects(tab.session.accessToken({ minValidity: 899 }), is('NotNow'))
    const wait = value === '120' ? 118_000 : 115_000
    await browser.pass(wait - 15_000)
    assert.equal(refreshes(browser), 1)
    await browser.pass(23_000)
    assert.equal(refreshes(browser), 2)
  }
})

test('NotNow says when, with which status and why', async () => {
  const browser = new Browser()
  const tab = await browser.tab()
  browser.answers['/auth/login'] = () => problem(429, 'too_many_attempts', { 'retry-after': '30' })
  await assert.rejects(tab.session.login({ email: 'ada', password: 'right' }), { name: 'NotNow', retryAfter: 30, status: 429, code: 'too_many_attempts' })
  browser.online = false
  await assert.rejects(tab.session.login({ email: 'ada', password: 'right' }), { name: 'NotNow', retryAfter: null, status: null, code: null })
})

test('Refused has the problem as sent', async () => {
  const browser = new Browser()
  const tab = await browser.tab()
  browser.answers['/auth/register'] = () => problem(422, 'weak_password')
  await assert.rejects(tab.session.register({ email: 'ada', password: 'x' }), (error) => error.problem.detail === 'about weak_password')
})

// Another user.

test('another login in another tab is a switch, and the old user\'s request is not repeated', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  const { answer, give } = later()
  browser.answers['/api/notes'] = answer
  const post = assert.rejects(tab.session.fetch(API, { method: 'POST', body: 'from Ada' }), is('SessionEnded', 'switched'))
  await settled()
  const other = await browser.tab()
  await other.session.login({ email: 'bob', password: 'right' })
  await settled()
  delete browser.answers['/api/notes']
  give(invalidToken())
  await post
  await settled()
  assert.equal(browser.paths().filter((path) => path === 'POST /api/notes').length, 1)
  assert.deepEqual(tab.changes, ['switched'])
  assert.equal(tab.session.state.sessionId, other.session.state.sessionId)
  assert.equal((await tab.session.fetch(API)).status, 200)
})

test('a switch that only the refresh reveals repeats nothing', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  browser.answers['/api/notes'] = () => {
    browser.begin('bob')
    return invalidToken()
  }
  await assert.rejects(tab.session.fetch(API, { method: 'POST', body: 'from Ada' }), is('SessionEnded', 'switched'))
  assert.deepEqual(browser.paths(), ['POST /api/notes', 'POST /auth/refresh', 'GET /auth/csrf', 'POST /auth/refresh'])
  assert.equal(tab.session.state.reason, 'switched')
})

test('a login in another tab costs the others one refresh, and hidden ones none', async () => {
  const browser = new Browser()
  const [one, two, hidden] = [await browser.tab(), await browser.tab(), await browser.tab()]
  for (const { session } of [one, two, hidden]) await session.ready()
  hidden.show('hidden')
  browser.requests.length = 0
  await one.session.login({ email: 'ada', password: 'right' })
  await browser.pass(100)
  assert.deepEqual(browser.paths(), ['POST /auth/login', 'POST /auth/refresh'])
  assert.equal(hidden.session.state.phase, 'in')
  assert.equal((await hidden.session.fetch(API)).status, 200)
  assert.ok(!JSON.stringify(browser.messages).includes('token-'), 'no token is broadcast')
})

// Logout.

test('a logout is seen here and in all tabs before any answer, and is sent with keepalive', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  const other = await browser.tab()
  await other.session.ready()
  browser.requests.length = 0
  browser.answers['/auth/logout'] = () => new Promise(() => {})
  tab.session.logout()
  assert.equal(tab.session.state.reason, 'logout')
  await settled()
  assert.equal(other.session.state.reason, 'logout-elsewhere')
  assert.deepEqual(browser.paths(), ['POST /auth/logout'])
  assert.equal(browser.requests[0].keepalive, true)
})

test('a logout without the network outlives a reload, comes first, and leaves no mark once the server knows', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  browser.online = false
  await tab.session.logout()
  tab.session.close()
  assert.deepEqual(Object.entries(browser.localStorage).map(String), [`jeton:${browser.url},1`])
  const reloaded = await browser.tab()
  assert.equal((await reloaded.session.ready()).reason, 'logout')
  browser.online = true
  browser.requests.length = 0
  await browser.pass(3000)
  assert.deepEqual(browser.paths(), ['GET /auth/csrf', 'POST /auth/logout'])
  assert.deepEqual(browser.localStorage, {})
  assert.equal(browser.jar, null)
})

test('a logout is repeated until the server has answered it', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  browser.answers['/auth/logout'] = () => problem(503, 'unavailable')
  await tab.session.logout()
  tab.show('hidden')
  await browser.pass(10_000)
  assert.notDeepEqual(browser.localStorage, {})
  delete browser.answers['/auth/logout']
  await browser.pass(60_000)
  assert.deepEqual(browser.localStorage, {})
  assert.equal(refreshes(browser), 0)
})

test('a login after a logout without the network is not undone by it', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  browser.online = false
  await tab.session.logout()
  browser.online = true
  await tab.session.login({ email: 'bob', password: 'right' })
  await browser.pass(60_000)
  assert.equal(tab.session.state.phase, 'in')
  assert.match(browser.jar, /bob/)
  assert.deepEqual(browser.localStorage, {})
})

test('a login waits for the logout that is in flight, whose answer clears the cookie', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  const { answer, give } = later()
  browser.answers['/auth/logout'] = answer
  tab.session.logout()
  const login = tab.session.login({ email: 'bob', password: 'right' })
  await settled()
  assert.deepEqual(browser.paths(), ['POST /auth/logout'])
  give(new Response(null, { status: 204 }))
  assert.equal((await login).phase, 'in')
  assert.deepEqual(browser.paths(), ['POST /auth/logout', 'POST /auth/login'])
})

test('only the logout is sent with keepalive, because the cookie of an abandoned refresh must not be stored', async () => {
  const browser = new Browser()
  browser.begin('ada')
  const tab = await browser.tab()
  await tab.session.ready()
  await tab.session.login({ email: 'ada', password: 'right' })
  await tab.session.logout()
  assert.deepEqual(browser.requests.filter(({ keepalive }) => keepalive).map(({ path }) => path), ['/auth/logout'])
})

test('a logout ends the refresh that is in flight', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn({ keepFresh: false })
  await browser.pass(900_000)
  const { answer, give } = later()
  browser.answers['/auth/refresh'] = answer
  const waiting = assert.rejects(tab.session.fetch(API), is('SessionEnded', 'logout'))
  await settled()
  await tab.session.logout()
  await waiting
  give(browser.issue({ id: 'x', csrf: 'y' }))
  await settled()
  assert.equal(tab.session.state.phase, 'out')
  assert.equal(browser.jar, null)
})

test('a logout of all sessions needs an answer', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  browser.online = false
  await assert.rejects(tab.session.logoutEverywhere(), is('NotNow'))
  assert.equal(tab.session.state.phase, 'in')
  browser.online = true
  await tab.session.logoutEverywhere()
  assert.equal(tab.session.state.phase, 'out')
  assert.deepEqual(browser.localStorage, {})
})

// Coming back.

test('a page from the back/forward cache asks at once', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  browser.sessions.clear()
  tab.fire('pageshow', { persisted: true })
  await settled()
  assert.equal(tab.session.state.phase, 'out')
})

test('a page that is shown again asks after a minute, within a second, and says nothing if nothing has changed', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  await browser.pass(50_000)
  tab.show('hidden')
  tab.show('visible')
  await browser.pass(5000)
  assert.deepEqual(browser.requests, [])
  await browser.pass(20_000)
  tab.show('hidden')
  tab.show('visible')
  await browser.pass(1000)
  assert.equal(refreshes(browser), 1)
  assert.deepEqual(tab.changes, [])
})

test('a page that is shown again finds a login of another application of the site', async () => {
  const browser = new Browser()
  const tab = await browser.tab()
  await tab.session.ready()
  browser.begin('ada')
  await browser.pass(70_000)
  tab.show('visible')
  await browser.pass(1000)
  assert.equal(tab.session.state.phase, 'in')
})

// The fetch.

test('the token goes to the page\'s origin, auth-service\'s and the named ones, and to no other', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn({ origins: ['https://api.example.com'] })
  for (const [url, has] of [[API, true], [`${browser.url}auth/me`, true], ['https://api.example.com/x', true], ['https://evil.example/x', false], ['https://app.example.com:8443/x', false]]) {
    await tab.session.fetch(url)
    assert.equal(browser.requests.at(-1).headers.has('authorization'), has, url)
  }
})

test('a 401 that names the token is repeated once, byte for byte', async () => {
  const form = new FormData()
  form.set('a', 'b')
  form.set('file', new Blob(['x'.repeat(1e5)]), 'x.txt')
  for (const input of [
    [API, { method: 'POST', body: 'text' }],
    [API, { method: 'POST', body: new Blob(['blob']) }],
    [API, { method: 'POST', body: form }],
    [new Request(API, { method: 'PUT', body: 'text', headers: { 'x-one': '1' } })],
    [new URL(API)],
  ]) {
    const browser = new Browser()
    const tab = await browser.loggedIn()
    browser.answers['/api/notes'] = () => invalidToken()
    const answer = await tab.session.fetch(...input)
    assert.equal(answer.status, 401)
    const [first, refresh, second, ...rest] = browser.requests
    assert.deepEqual(rest, [])
    assert.equal(refresh.path, '/auth/refresh')
    assert.equal(second.body, first.body)
    assert.equal(second.method, first.method)
    assert.equal(second.headers.get('content-type'), first.headers.get('content-type'))
    assert.equal(second.headers.get('x-one'), first.headers.get('x-one'))
    assert.notEqual(second.headers.get('authorization'), first.headers.get('authorization'))
  }
})

test('a stream is not sent twice, but the next call has another token', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  browser.answers['/api/notes'] = () => invalidToken()
  const body = new Blob(['x']).stream()
  assert.equal((await tab.session.fetch(API, { method: 'POST', body, duplex: 'half' })).status, 401)
  assert.deepEqual(browser.paths(), ['POST /api/notes'])
  await tab.session.fetch(`${browser.url}auth/me`)
  assert.deepEqual(browser.paths(), ['POST /api/notes', 'POST /auth/refresh', 'GET /auth/me'])
})

test('a 401 that does not name the token is the caller\'s', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  for (const headers of [{}, { 'www-authenticate': 'Basic' }, { 'www-authenticate': 'Bearer error="insufficient_scope"' }]) {
    browser.answers['/api/notes'] = () => problem(401, 'x', headers)
    assert.equal((await tab.session.fetch(API)).status, 401)
  }
  assert.equal(refreshes(browser), 0)
})

test('where CORS hides the header, a 401 is repeated once', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn({ origins: ['https://api.example.com'] })
  browser.answers['/x'] = () => Object.defineProperty(problem(401, 'x'), 'type', { value: 'cors' })
  assert.equal((await tab.session.fetch('https://api.example.com/x')).status, 401)
  assert.deepEqual(browser.paths(), ['GET /x', 'POST /auth/refresh', 'GET /x'])
})

test('a 401 after a redirect to elsewhere is not about the token', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  browser.answers['/api/notes'] = () => Object.defineProperty(invalidToken(), 'url', { value: 'https://evil.example/' })
  assert.equal((await tab.session.fetch(API)).status, 401)
  assert.equal(refreshes(browser), 0)
})

test('ten calls with an expired token make one refresh', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  const valid = () => `token-${browser.tokens}`
  browser.tokens++
  browser.answers['/api/notes'] = (sent) => (sent.headers.get('authorization') === `Bearer ${valid()}` ? json(200, {}) : invalidToken())
  const answers = await Promise.all(Array.from({ length: 10 }, () => tab.session.fetch(API)))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  assert.equal(refreshes(browser), 1)
})

test('the caller\'s signal covers the wait for a refresh, and the repetition', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn({ keepFresh: false })
  const controller = new AbortController()
  browser.answers['/api/notes'] = () => invalidToken()
  browser.answers['/auth/refresh'] = () => new Promise(() => {})
  const answer = assert.rejects(tab.session.fetch(API, { signal: controller.signal }), is('AbortError'))
  await settled()
  controller.abort()
  await answer
  assert.deepEqual(browser.paths(), ['GET /api/notes', 'POST /auth/refresh'])
  delete browser.answers['/auth/refresh']
  await browser.pass(10_000)
  const again = new AbortController()
  let calls = 0
  browser.answers['/api/notes'] = () => (calls++ ? new Promise(() => {}) : invalidToken())
  const request = new Request(API, { signal: again.signal })
  const second = assert.rejects(tab.session.fetch(request), is('AbortError'))
  await settled()
  assert.equal(calls, 2)
  again.abort()
  await second
  assert.ok(request.signal.aborted)
})

test('what the network says of the request itself is passed on', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  browser.answers['/api/notes'] = () => new TypeError('Failed to fetch')
  await assert.rejects(tab.session.fetch(API), TypeError)
  browser.answers['/api/notes'] = () => new Response('', { status: 503 })
  assert.equal((await tab.session.fetch(API)).status, 503)
  assert.equal(tab.session.state.reachable, true)
})

// Listeners and the rest.

test('listeners hear of a change once it is complete, in order, also if one of them logs out', async () => {
  const browser = new Browser()
  const tab = await browser.tab()
  await tab.session.ready()
  const heard = []
  tab.session.onChange((state) => {
    if (state.phase === 'in') tab.session.logout()
  })
  tab.session.onChange((state, was) => heard.push(`${was.phase}-${state.phase}`))
  await tab.session.login({ email: 'ada', password: 'right' })
  await settled()
  assert.deepEqual(heard, ['out-in', 'in-out'])
  assert.equal(browser.jar, null)
})

test('what a listener throws is reported, and the others hear all the same', async () => {
  const browser = new Browser()
  const reported = []
  const catchers = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => reported.push(error.message))
  const tab = await browser.tab()
  let heard = 0
  tab.session.onChange(() => {
    throw new Error('of the application')
  })
  const stop = tab.session.onChange(() => heard++)
  await tab.session.ready()
  await settled()
  assert.deepEqual(reported, ['of the application'])
  assert.equal(heard, 1)
  stop()
  await tab.session.login({ email: 'ada', password: 'right' })
  await settled()
  assert.equal(heard, 1)
  tab.session.close()
  process.removeAllListeners('uncaughtException')
  for (const catcher of catchers) process.on('uncaughtException', catcher)
})

test('a listener that another one takes away is not called any more', async () => {
  const browser = new Browser()
  const tab = await browser.tab()
  tab.session.onChange(() => stop())
  let calls = 0
  const stop = tab.session.onChange(() => calls++)
  const own = []
  const hear = (state) => own.push(state.phase)
  const stops = [tab.session.onChange(hear), tab.session.onChange(hear)]
  await tab.session.ready()
  await settled()
  stops[0]()
  await tab.session.login({ email: 'ada', password: 'right' })
  await settled()
  assert.equal(calls, 0)
  assert.deepEqual(own, ['out', 'out', 'in'])
})

test('the state is the same object until something changes', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  const { state } = tab.session
  await tab.session.fetch(API)
  await tab.session.accessToken({ minValidity: 900 })
  assert.equal(tab.session.state, state)
})

test('functions can be taken off the session', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  const { fetch, user, accessToken, ready } = tab.session
  assert.equal((await fetch(API)).status, 200)
  assert.equal((await user()).path, '/auth/me')
  assert.equal(typeof (await accessToken()), 'string')
  assert.equal((await ready()).phase, 'in')
})

test('a code that logs in does so in all tabs, and one that does not changes nothing', async () => {
  const browser = new Browser()
  const [tab, other] = [await browser.tab(), await browser.tab()]
  await other.session.ready()
  assert.deepEqual(await tab.session.register({ email: 'new', password: 'x', language: 'uk' }), { flow: 'f1', expires_in: 900 })
  const { headers, body } = browser.requests.at(-1)
  assert.equal(headers.get('accept-language'), 'uk')
  assert.deepEqual(JSON.parse(body), { email: 'new', password: 'x' })
  assert.equal((await tab.session.confirm({ flow: 'f1', code: 'x' })).phase, 'in')
  await settled()
  assert.equal(other.session.state.phase, 'in')
  const { state } = tab.session
  assert.equal(await tab.session.confirm({ flow: 'f1', code: 'address' }), state)
})

test('nothing but the mark is ever stored', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  await browser.pass(3_600_000)
  await tab.session.fetch(API)
  assert.deepEqual(browser.localStorage, {})
})

test('locks of the tests behave', async () => {
  const locks = new Locks()
  const order = []
  const { signal } = new AbortController()
  await Promise.all([1, 2].map((n) => locks.request('', { signal }, async () => order.push(n))))
  assert.deepEqual(order, [1, 2])
})

// Factors, and what was shown lately.

const insufficient = (challenge = 'Bearer realm="jeton", error="insufficient_user_authentication", acr_values="2 phr", max_age="300"') =>
  problem(401, 'authentication_insufficient', { 'www-authenticate': challenge })

const steppedUp = (expires = 300) => json(200, { access_token: 'stepped-up', token_type: 'Bearer', expires_in: expires, auth_time: 1, acr: '2', amr: ['pwd', 'otp'] })

test('a call that asks for a newer proof is refused as such, with what is lacking, and nothing is refreshed', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  for (const [challenge, acrValues, maxAge] of [
    [undefined, ['2', 'phr'], 300],
    ['Bearer error="insufficient_user_authentication", max_age=0', [], 0],
    ['Bearer error="insufficient_user_authentication", acr_values="phr"', ['phr'], null],
    ['Bearer', [], null],
  ]) {
    browser.requests.length = 0
    browser.answers['/auth/totp'] = () => insufficient(challenge)
    const error = await tab.session.call('POST', '/auth/totp').catch((error) => error)
    assert.equal(error.name, 'AuthenticationInsufficient')
    assert.deepEqual([error.acrValues, error.maxAge, error.problem.code], [acrValues, maxAge, 'authentication_insufficient'])
    assert.ok(error instanceof (await import(`../client.js?tab=${browser.url}0`)).Refused)
    assert.deepEqual(browser.paths(), ['POST /auth/totp'])
  }
  assert.equal(tab.session.state.phase, 'in')
  assert.deepEqual(tab.changes, [])
})

test('the challenge alone says so too, but no other 401 and no 403', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  browser.answers['/auth/x'] = () => problem(401, 'other', { 'www-authenticate': 'Bearer error="insufficient_user_authentication"' })
  await assert.rejects(tab.session.call('POST', '/auth/x'), is('AuthenticationInsufficient', 'other'))
  browser.answers['/auth/x'] = () => problem(401, 'invalid_second_factor')
  await assert.rejects(tab.session.call('POST', '/auth/x'), is('Refused', 'invalid_second_factor'))
  browser.answers['/auth/x'] = () => problem(403, 'authentication_insufficient')
  await assert.rejects(tab.session.call('POST', '/auth/x'), is('Refused', 'authentication_insufficient'))
})

test('fetch() gives back the answer that asks for a newer proof, and refreshes nothing', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  browser.answers['/api/notes'] = () => insufficient()
  const answer = await tab.session.fetch(API)
  assert.equal(answer.status, 401)
  assert.match(answer.headers.get('www-authenticate'), /max_age="300"/)
  assert.deepEqual(browser.paths(), ['GET /api/notes'])
})

test('what the user has shown counts for the calls that follow, until it has expired', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn({ keepFresh: false })
  browser.answers['/auth/reauthenticate'] = () => steppedUp()
  assert.equal(await tab.session.reauthenticate({ password: 'right' }), undefined)
  const [{ headers, body }] = browser.requests
  assert.match(headers.get('authorization'), /^Bearer token-/)
  assert.equal(body, '{"password":"right"}')
  assert.equal(await tab.session.accessToken(), 'stepped-up')
  await browser.pass(280_000)
  assert.equal(await tab.session.accessToken(), 'stepped-up')
  await browser.pass(15_000)
  assert.match(await tab.session.accessToken(), /^token-/)
  assert.equal(refreshes(browser), 1)
  assert.deepEqual(tab.changes, [])
})

test('a stepped-up token is refreshed ahead of its own expiry', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  await browser.pass(600_000)
  browser.answers['/auth/reauthenticate'] = () => steppedUp()
  await tab.session.reauthenticate({ totp: '123456' })
  await browser.pass(225_000)
  assert.equal(refreshes(browser), 0)
  await browser.pass(46_000)
  assert.equal(refreshes(browser), 1)
})

test('a refresh that was under way does not take the stepped-up token away, and a later one does', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  const refresh = later()
  browser.answers['/auth/refresh'] = refresh.answer
  browser.answers['/auth/reauthenticate'] = () => steppedUp()
  await browser.pass(742_600)
  assert.equal(refreshes(browser), 1)
  await browser.pass(1000)
  await tab.session.reauthenticate({ password: 'right' })
  refresh.give(browser.issue(browser.sessions.get(browser.jar)))
  await settled()
  assert.equal(await tab.session.accessToken(), 'stepped-up')
  delete browser.answers['/auth/refresh']
  await browser.pass(300_000)
  assert.match(await tab.session.accessToken(), /^token-/)
})

test('a wrong proof is refused, and the token stays', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  const before = await tab.session.accessToken()
  browser.answers['/auth/reauthenticate'] = () => problem(401, 'invalid_second_factor')
  await assert.rejects(tab.session.reauthenticate({ totp: '000000' }), is('Refused', 'invalid_second_factor'))
  assert.equal(await tab.session.accessToken(), before)
  assert.equal(tab.session.state.phase, 'in')
})

test('a proof that comes after a logout changes nothing', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  const answer = later()
  browser.answers['/auth/reauthenticate'] = answer.answer
  const shown = tab.session.reauthenticate({ password: 'right' })
  await settled()
  const left = tab.session.logout()
  answer.give(steppedUp())
  await assert.rejects(shown, is('SessionEnded'))
  await left
  await assert.rejects(tab.session.accessToken(), is('SessionEnded'))
})

test('a proof is of its login: another one has its own token', async () => {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  browser.answers['/auth/reauthenticate'] = () => steppedUp()
  await tab.session.reauthenticate({ password: 'right' })
  await tab.session.login({ email: 'bob', password: 'right' })
  assert.match(await tab.session.accessToken(), /^token-/)
})

test('a login that needs a second step is refused with what it needs, and goes on with it', async () => {
  const browser = new Browser()
  const tab = await browser.tab()
  await tab.session.ready()
  const needs = { code: 'second_factor_required', second_factor_token: 't', methods: ['totp'], expires_in: 300 }
  browser.answers['/auth/login'] = () => json(403, needs)
  const error = await tab.session.login({ email: 'ada', password: 'right' }).catch((error) => error)
  assert.deepEqual([error.name, error.problem], ['Refused', needs])
  assert.equal(tab.session.state.phase, 'out')
  browser.answers['/auth/login/second-factor'] = () => browser.begin('ada')
  const state = await tab.session.loginSecondFactor({ second_factor_token: 't', totp: '123456' })
  assert.deepEqual([state.phase, state.reason], ['in', 'login'])
  assert.equal(browser.requests.at(-1).body, '{"second_factor_token":"t","totp":"123456"}')
})

test('a passkey logs in, in all tabs', async () => {
  const browser = new Browser()
  const [tab, other] = [await browser.tab(), await browser.tab()]
  await Promise.all([tab.session.ready(), other.session.ready()])
  browser.answers['/auth/login/passkey'] = () => browser.begin('ada')
  const state = await tab.session.loginPasskey({ challenge_id: 'c', credential: { id: 'x' } })
  await settled()
  assert.deepEqual([state.phase, other.session.state.phase], ['in', 'in'])
})
