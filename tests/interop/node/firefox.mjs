// The client and the pages in Firefox, which is driven by WebDriver BiDi. Arguments: the port of auth-service, and one for the line to it, whose
// address auth-service has as AUTH_PUBLIC_URL (`http://localhost:<port>`); its access tokens live for a few seconds. Names of checks after
// these: only those. A line of JSON for each check says its name, whether it is ok, and if not, why.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import puppeteer from 'puppeteer-core'
import { Line } from './line.mjs'

/** A browser is slow to start on a busy machine, and so are pages. */
const TIMEOUT = 60_000
const COOKIE = 'jeton-refresh'
/** How long auth-service answers a refresh token again: AUTH_REPLAY_WINDOW, as it is by itself. */
const REPLAY_WINDOW = 10_000

const [service, port, ...wanted] = process.argv.slice(2)
const line = new Line(Number(service), Number(port))

const sleep = (milliseconds) => new Promise((later) => setTimeout(later, milliseconds))

function assert(is, why) {
  if (!is) throw new Error(typeof why === 'string' ? why : JSON.stringify(why))
}

function same(found, expected, what = 'found') {
  const [is, must] = [found, expected].map((value) => JSON.stringify(value))
  assert(is === must, `${what}: ${is} instead of ${must}`)
}

async function until(what, probe) {
  const end = Date.now() + TIMEOUT
  for (let last; ; await sleep(50)) {
    try {
      last = await probe()
      if (last === true) return
    } catch (error) {
      last = error.message
    }
    assert(Date.now() < end, `${what}: ${JSON.stringify(last)}`)
  }
}

const later = (time) => until(`it is ${new Date(time)}`, () => Date.now() > time)

const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))

/** Until the lives of these tokens are over, by their own `exp`. */
const expired = (tokens) => later(1000 * Math.max(...tokens.map((token) => claims(token).exp)))

/** Somebody with an account, who is also logged in elsewhere. */
class Person {
  static async new() {
    const person = new Person()
    person.email = `${randomUUID()}@example.com`
    person.password = randomUUID()
    const account = { email: person.email, password: person.password, transport: 'body' }
    await person.#call('POST', '/auth/register', account)
    person.tokens = await person.#call('POST', '/auth/login', account)
    return person
  }

  async #call(method, path, body) {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${this.tokens?.access_token}` }
    let answer, text
    // A busy machine may keep a store from answering in time.
    await until(`${path} is answered`, async () => {
      answer = await fetch(`http://127.0.0.1:${service}${path}`, { method, headers, body: body && JSON.stringify(body) })
      text = await answer.text()
      return answer.status !== 503 || text
    })
    assert(answer.ok, `${path}: ${answer.status} ${text}`)
    return text && JSON.parse(text)
  }

  async #refresh() {
    this.tokens = await this.#call('POST', '/auth/refresh', { refresh_token: this.tokens.refresh_token })
  }

  /** How many sessions there are besides the one elsewhere, and how many incidents. */
  async sessions() {
    await this.#refresh()
    const { sessions, incidents } = await this.#call('GET', '/auth/sessions')
    return [sessions.length - 1, incidents.length]
  }

  async logOutEverywhere() {
    await this.#refresh()
    await this.#call('POST', '/auth/logout-all')
  }
}

/** A tab. What it is asked about is put in front first, as people do. */
class Tab {
  constructor(page) {
    this.page = page
    page.setDefaultTimeout(TIMEOUT)
  }

  async open(path) {
    await this.page.goto(new URL(path, line.url).href)
    return this
  }

  /** Opens a page that has nothing but `session`, and waits until that is ready. */
  async begin() {
    await this.open('/nothing-but-a-session')
    await this.until('return (await session?.ready())?.phase !== undefined', true)
    return this
  }

  /** Runs the body of an async function in the page. What it throws is `{ thrown, code }`. */
  run(code) {
    return this.page.evaluate(`(async () => { ${code}\n })().then(
      (value) => value ?? null,
      (error) => ({ thrown: error.name, code: error.code ?? null, message: error.message }))`)
  }

  until(code, expected) {
    return until(code, async () => {
      const found = await this.run(code)
      return JSON.stringify(found) === JSON.stringify(expected) || found
    })
  }

  async logIn({ email, password }) {
    same(await this.run(`return (await session.login(${JSON.stringify({ email, password })})).phase`), 'in')
    return this
  }

  token() {
    return this.run('return session.accessToken()')
  }

  /** The first token that comes is one that lives, whatever the page believes of the time. */
  async hasLivingToken() {
    let found
    await until('it gets a token', async () => {
      found = await this.run(`dispatchEvent(new Event('online'))
        const [, claims] = (await session.accessToken()).split('.')
        return JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))).exp * 1000 > (globalThis.trueNow ?? Date.now)()`)
      return !found.thrown || found
    })
    assert(found, 'its token is dead')
  }

  /** Something that only a living session answers. */
  is({ email }) {
    return this.until('return (await session.user()).email', email)
  }

  front() {
    return this.page.bringToFront()
  }

  async fill(selector, value) {
    await this.front()
    await this.page.locator(selector).fill(value)
  }

  async click(selector) {
    await this.front()
    await this.page.locator(selector).click()
  }

  isAt(path) {
    return this.until('return location.pathname', path)
  }

  async shows(text) {
    // Numbers do not part from what they count.
    await until(`the page shows ${text}`, async () => {
      const shown = (await this.run(`return document.body.innerText`)).replaceAll('\u{a0}', ' ')
      return shown.includes(text) || shown
    })
  }

  async logInOnPage({ email, password }) {
    await this.open('/login')
    await this.fill('#email', email)
    await this.fill('#password', password)
    await this.click('#login .primary')
    await this.isAt('/account')
    await this.shows(email)
    return this
  }
}

/** People with their own cookies and stores, as with a browser of their own. */
class Visitor {
  constructor(context) {
    this.context = context
  }

  async tab() {
    const page = await this.context.newPage()
    // Violations of the policy of a page, and what its scripts throw.
    page.on('pageerror', (error) => this.troubles.push(error.message))
    return new Tab(page)
  }

  troubles = []

  async cookies() {
    const cookies = await this.context.cookies()
    return cookies.filter(({ name }) => name === COOKIE)
  }

  async hasNoCookie() {
    await until('the cookie is gone', async () => (await this.cookies()).length === 0)
  }
}

let firefox

const checks = {
  async 'somebody registers, reloads and logs out'(visitor) {
    const tab = await visitor.tab()
    const email = `${randomUUID()}@example.com`
    await tab.open('/')
    await tab.isAt('/login')
    await tab.click('a[href="/register"]')
    await tab.fill('#name', 'Ada Lovelace')
    await tab.fill('#email', email)
    await tab.fill('#password', randomUUID())
    await tab.click('#register .primary')
    await tab.isAt('/account')
    for (const text of ['Ada Lovelace', email, 'This device', 'Firefox on Linux']) await tab.shows(text)
    await tab.page.reload()
    await tab.shows(email)
    await tab.click('#log-out')
    await tab.isAt('/login')
    await tab.shows('You’re logged out on this device.')
    await visitor.hasNoCookie()
    await tab.open('/account')
    await tab.isAt('/login')
    same(visitor.troubles, [], 'errors')
  },

  async 'a wrong password is told, and the right one leads on'(visitor) {
    const [tab, ada] = [await visitor.tab(), await Person.new()]
    await tab.open('/login')
    await tab.fill('#email', ada.email)
    await tab.fill('#password', 'wrong')
    await tab.click('#login .primary')
    await tab.shows('That address and password don’t match')
    same(await tab.run('return document.querySelector("#email").value'), ada.email, 'what was typed')
    await tab.fill('#password', ada.password)
    await tab.click('#login .primary')
    await tab.isAt('/account')
    await tab.shows(ada.email)
    same(visitor.troubles, [], 'errors')
  },

  async 'no token is where a script of the page finds it'(visitor) {
    const [ear, tab, ada] = [await visitor.tab(), await visitor.tab(), await Person.new()]
    await ear.begin()
    await ear.run(`globalThis.overheard = []
      new BroadcastChannel('jeton:' + new URL('/', location)).onmessage = ({ data }) => overheard.push(data)`)
    await (await tab.begin()).logIn(ada)
    const page = await (await visitor.tab()).open('/account')
    await page.shows(ada.email)
    await ear.until('return overheard.some(({ sessionId }) => sessionId)', true)
    for (const it of [ear, tab]) same((await it.token()).replace(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/, 'a token'), 'a token')
    const cookies = await visitor.cookies()
    same(cookies.map(({ httpOnly, sameSite, path, session }) => [httpOnly, sameSite, path, session]), [[true, 'Strict', '/auth', false]])
    const days = (cookies[0].expires - Date.now() / 1000) / 86400
    assert(days > 1 && days < 31, `the cookie lives for ${days} days`)
    for (const { page: it } of [ear, tab, page]) {
      const found = await new Tab(it).run(`const plain = (value) => { try { return JSON.stringify(value) } catch { return '' } }
        return plain([document.cookie, location.href, name, history.state, { ...localStorage }, { ...sessionStorage }, await indexedDB.databases(),
          await caches.keys(), Object.keys(globalThis).map((key) => [key, plain(globalThis[key])]), document.documentElement.outerHTML])`)
      assert(found.includes('/nothing') || found.includes(ada.email), found)
      assert(!found.includes(cookies[0].value) && !/\beyJ[\w-]+\.[\w-]+/.test(found), `a token in ${found}`)
    }
    same(await page.run('return [document.cookie, localStorage.length, sessionStorage.length]'), ['', 0, 0])
  },

  async 'five tabs whose tokens expired stay logged in, as one session'(visitor) {
    const [ada, tabs] = [await Person.new(), []]
    for (let count = 0; count < 5; count++) tabs.push(await (await visitor.tab()).begin())
    await tabs[0].logIn(ada)
    const account = await (await visitor.tab()).open('/account')
    await account.shows(ada.email)
    for (const tab of tabs) {
      await tab.until('return session.state.phase', 'in')
      await tab.run(`new BroadcastChannel('all').onmessage = () => { globalThis.answer = session.user().catch((error) => error) }`)
    }
    for (let round = 0; round < 2; round++) {
      await expired(await Promise.all(tabs.map((tab) => tab.token())))
      // All of them find an expired token in the same moment, and ask before the first has its answer: no lock is waited for that long.
      let release
      line.calm()
      line.disturb('/auth/refresh', new Promise((resolve) => { release = resolve }))
      await account.run(`new BroadcastChannel('all').postMessage('now')`)
      await until('all of them have asked', () => line.disturbed >= tabs.length || line.disturbed)
      release()
      line.calm()
      for (const tab of tabs) {
        await tab.run(`await globalThis.answer
          dispatchEvent(new Event('online'))`)
        await tab.is(ada)
      }
    }
    same(await ada.sessions(), [1, 0], 'sessions and incidents')
    await account.front()
    await account.page.reload()
    await account.shows(ada.email)
  },

  async 'lost answers end no session'(visitor) {
    const [ada, tab] = [await Person.new(), await (await visitor.tab()).begin()]
    await tab.logIn(ada)
    const session = await tab.run('return session.state.sessionId')
    for (const [how, pause] of [['lost', 0], ['cut', 0], ['lost', REPLAY_WINDOW]]) {
      line.calm()
      line.disturb('/auth/refresh', how)
      // The browser itself repeats some requests, on another connection: so all answers are lost.
      const thrown = await tab.run('return session.accessToken({ minValidity: 3600 })')
      same([thrown.thrown, line.disturbed > 0], ['NotNow', true], how)
      same(await tab.run('return [session.state.phase, session.state.reachable]'), ['in', false])
      await later(Date.now() + pause)
      line.calm()
      await tab.run(`dispatchEvent(new Event('online'))`)
      await tab.is(ada)
      await tab.until('return [session.state.phase, session.state.reachable, session.state.sessionId]', ['in', true, session])
    }
    same(await ada.sessions(), [1, 0], 'sessions and incidents')
  },

  async 'a page says that an answer was lost, and gets over it'(visitor) {
    const [ada, tab] = [await Person.new(), await visitor.tab()]
    await tab.logInOnPage(ada)
    line.disturb('/auth/refresh', 'lost')
    await tab.page.reload()
    await tab.shows('We can’t reach the sign-in service')
    same(await tab.run('return location.pathname'), '/account')
    line.calm()
    await tab.shows(ada.email)
    same(await ada.sessions(), [1, 0], 'sessions and incidents')
  },

  async 'of all answers to a refresh, only a 401 ends a session'(visitor) {
    const [ada, tab] = [await Person.new(), await (await visitor.tab()).begin()]
    await tab.logIn(ada)
    const html = { 'content-type': 'text/html' }
    for (const [status, headers, body] of [[503], [429, { 'retry-after': '0' }], [502, html, 'Bad gateway'], [200, html, '<p>Pay for the network']]) {
      line.disturb('/auth/refresh', { status, headers, body })
      const thrown = await tab.run('return session.accessToken({ minValidity: 3600 })')
      same([thrown.thrown, thrown.code], ['NotNow', null], status)
      same(await tab.run('return session.state.phase'), 'in', status)
      line.calm()
      await tab.run(`dispatchEvent(new Event('online'))`)
      await tab.until('return session.state.reachable', true)
    }
    await tab.is(ada)
    await ada.logOutEverywhere()
    const thrown = await tab.run('return session.accessToken({ minValidity: 3600 })')
    same([thrown.thrown, thrown.code], ['SessionEnded', 'session_ended'])
    same(await tab.run('return [session.state.phase, session.state.reason]'), ['out', 'session_ended'])
  },

  async 'a logout is one in every tab'(visitor) {
    const ada = await Person.new()
    const one = await (await visitor.tab()).begin()
    const page = await (await visitor.tab()).logInOnPage(ada)
    const other = await (await visitor.tab()).open('/account')
    await other.shows(ada.email)
    await one.until('return session.state.phase', 'in')
    await page.click('#log-out')
    await page.isAt('/login')
    await other.isAt('/login')
    await one.until('return [session.state.phase, session.state.reason]', ['out', 'logout-elsewhere'])
    same((await one.run('return session.user()')).thrown, 'SessionEnded')
    await visitor.hasNoCookie()
    await until('the server knows', async () => JSON.stringify(await ada.sessions()) === '[0,0]')
  },

  async 'a logout without a network holds, and is told later'(visitor) {
    const [ada, tab] = [await Person.new(), await (await visitor.tab()).begin()]
    await tab.logIn(ada)
    await line.close()
    same(await tab.run('await session.logout(); return session.state.phase'), 'out')
    same(await ada.sessions(), [1, 0], 'the server knows of nothing')
    const mark = await tab.run('return JSON.stringify(localStorage)')
    assert(mark.includes('jeton:') && mark.length < 100, `only a mark: ${mark}`)
    // The pages of a session that is over, without anybody who could tell the server.
    const next = await visitor.tab()
    await tab.page.close()
    line.calm()
    line.disturb('/auth/logout', { status: 503 })
    await line.open()
    await next.open('/account')
    await next.isAt('/login')
    await next.begin()
    same(await next.run('return session.state.phase'), 'out', 'the cookie is still there, and is not used')
    same(await ada.sessions(), [1, 0], 'the server still knows of nothing')
    same(line.count('POST', '/auth/refresh'), 0, 'refreshes')
    line.calm()
    await next.page.reload()
    await next.until('return localStorage.length', 0)
    await visitor.hasNoCookie()
    same(await ada.sessions(), [0, 0], 'sessions and incidents')
  },

  async 'what a user has begun is not repeated as another user'(visitor) {
    const [ada, bob] = [await Person.new(), await Person.new()]
    const tab = await (await visitor.tab()).begin()
    await tab.logIn(ada)
    const page = await (await visitor.tab()).open('/account')
    await page.shows(ada.email)
    let release
    line.disturb('/auth/me', new Promise((resolve) => { release = resolve }))
    await tab.run('globalThis.begun = session.user().catch((error) => [error.name, error.code])')
    await until('it has been asked', () => line.disturbed > 0)
    const second = await (await visitor.tab()).begin()
    await second.logIn(bob)
    await tab.until('return globalThis.begun', ['SessionEnded', 'switched'])
    release()
    line.calm()
    await tab.until('return seen.includes("switched")', true)
    await tab.is(bob)
    await page.shows(bob.email)
    assert(!(await page.run('return document.documentElement.outerHTML')).includes(ada.email), 'the page shows both')
    // His login has replaced hers, as the cookie.
    same([await ada.sessions(), await bob.sessions()], [[0, 0], [1, 0]], 'sessions and incidents')
  },

  async 'nor by a tab that has not heard of the other user'(visitor) {
    const [ada, bob] = [await Person.new(), await Person.new()]
    const tab = await (await visitor.tab()).begin()
    await tab.run(`session.close()
      globalThis.BroadcastChannel = undefined
      globalThis.session = (await import('/client.js')).createSession({ keepFresh: false })
      session.onChange(({ reason }) => seen.push(reason))`)
    await tab.logIn(ada)
    const token = await tab.token()
    await (await (await visitor.tab()).begin()).logIn(bob)
    await tab.front()
    await expired([token])
    line.calm()
    const thrown = await tab.run(`return session.fetch('/auth/me', { method: 'DELETE', headers: { 'content-type': 'application/json' }, body: '{}' })
      .then(({ status }) => status)`)
    same([thrown.thrown, thrown.code], ['SessionEnded', 'switched'])
    same(line.count('DELETE', '/auth/me'), 0, 'requests of hers')
    same(await tab.run('return seen.at(-1)'), 'switched')
    await tab.is(bob)
  },

  async 'the Back button shows nothing of an account that was left'(visitor) {
    const ada = await Person.new()
    const first = await (await visitor.tab()).logInOnPage(ada)
    await first.open('/docs')
    const bare = await (await visitor.tab()).begin()
    await bare.is(ada)
    await bare.run('globalThis.isTheSame = true')
    await bare.open('/docs')
    const second = await (await visitor.tab()).open('/account')
    await second.shows(ada.email)
    await second.click('#log-out')
    await second.isAt('/login')
    await first.front()
    await first.run('history.back()')
    await first.isAt('/login')
    const shown = await first.run('return document.documentElement.outerHTML')
    assert(!shown.includes(ada.email), shown)
    await bare.front()
    await bare.run('history.back()')
    await bare.isAt('/nothing-but-a-session')
    await bare.until('return session.state.phase', 'out')
  },

  async 'a browser that stood still takes no dead token for a live one'(visitor) {
    const [ada, tab] = [await Person.new(), await (await visitor.tab()).begin()]
    await tab.logIn(ada)
    const { exp, iat } = claims(await tab.token())
    let release
    line.disturb('/auth/refresh', new Promise((resolve) => { release = resolve }))
    // The client refreshes ahead of time.
    await until('the refresh is answered', () => line.disturbed > 0)
    const group = -firefox.process().pid
    process.kill(group, 'SIGSTOP')
    try {
      release()
      line.calm()
      // The answer waits in the socket of the browser, for as long as its token lives.
      await later(1000 * (Math.floor(Date.now() / 1000) + exp - iat))
    } finally {
      process.kill(group, 'SIGCONT')
    }
    await tab.hasLivingToken()
    await tab.is(ada)
    same(await ada.sessions(), [1, 0], 'sessions and incidents')
  },

  async 'sleep and clocks that jump cost a refresh, and no session'(visitor) {
    const [ada, tab] = [await Person.new(), await (await visitor.tab()).begin()]
    await tab.logIn(ada)
    await tab.run('globalThis.trueNow = Date.now.bind(Date)')
    for (const hours of [8, -9, 1000, -1000]) {
      const token = await tab.token()
      await tab.run(`const now = Date.now; Date.now = () => now() + ${hours} * 3600e3; dispatchEvent(new Event('resume'))`)
      // Set back, the wall clock alone would have it live for hours.
      if (hours === -9) await expired([token])
      await tab.hasLivingToken()
      await tab.is(ada)
    }
    // Asleep: performance.now() has stood still.
    line.calm()
    await tab.run(`const [now, stands] = [Date.now, performance.now()]; performance.now = () => stands; Date.now = () => now() + 3600e3`)
    await tab.is(ada)
    assert(line.count('POST', '/auth/refresh') > 0, 'it has not been refreshed')
    same(await ada.sessions(), [1, 0], 'sessions and incidents')
  },

  async 'a lock that is never let go holds nobody up'(visitor) {
    const [ada, holder, tab] = [await Person.new(), await (await visitor.tab()).begin(), await (await visitor.tab()).begin()]
    await tab.logIn(ada)
    await holder.run(`await new Promise((held) => navigator.locks.request('jeton:' + new URL('/', location), () => new Promise(held)))`)
    await tab.until('return (await navigator.locks.query()).held.length', 1)
    await tab.front()
    await expired([await tab.token()])
    await tab.is(ada)
    same(await tab.run('return (await navigator.locks.query()).held.length'), 1, 'locks that are held')
  },

  async 'a page of another site sends no cookie along'(visitor) {
    const [ada, tab] = [await Person.new(), await (await visitor.tab()).begin()]
    await tab.logIn(ada)
    const form = `<!DOCTYPE html><form method="post" action="${line.url}/auth/logout"></form>`
    const stranger = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(form))
    await new Promise((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    try {
      const page = await visitor.tab()
      await page.open(`http://127.0.0.1:${stranger.address().port}/`)
      line.calm()
      await page.run(`for (const mode of ['no-cors', 'cors']) {
        for (const method of ['GET', 'POST']) {
          await fetch('${line.url}/auth/logout', { method, mode, credentials: 'include' }).catch(() => {})
        }
      }`)
      same(line.asked.length, 4, 'requests')
      await page.run('document.forms[0].submit()')
      await until('the form is sent', () => line.asked.length === 5)
      assert(line.asked.every(({ hasCookie }) => !hasCookie), line.asked)
    } finally {
      stranger.close()
      stranger.closeAllConnections()
    }
    await tab.front()
    await tab.run('return session.accessToken({ minValidity: 3600 })')
    await tab.is(ada)
  },
}

const report = (name, why) => console.log(JSON.stringify({ name, ok: why === undefined, ...(why !== undefined && { why }) }))

/** Firefox of this machine, with an empty profile. */
async function started(userDataDir) {
  const places = process.env.PATH.split(delimiter).flatMap((folder) => ['firefox-esr', 'firefox'].map((name) => join(folder, name)))
  const executablePath = places.find((place) => existsSync(place))
  assert(executablePath, 'Firefox is missing: `apt-get install firefox-esr` (Debian)')
  const options = { browser: 'firefox', headless: true, timeout: TIMEOUT, protocolTimeout: 2 * TIMEOUT }
  // Signals end this program, and so Firefox.
  const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false }
  // As people have it.
  const extraPrefsFirefox = { 'fission.bfcacheInParent': true }
  return puppeteer.launch({ ...options, ...signals, extraPrefsFirefox, executablePath, userDataDir })
}

/** It ends with this program, however that ends: nothing else has the path of the profile among its arguments. */
function watch(PROFILE) {
  const script = 'cat; pkill -KILL -f -- "--profile $PROFILE"; until rm -rf "$PROFILE"; do sleep 0.05; done'
  spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, env: { ...process.env, PROFILE } }).unref()
}

async function outcome(check) {
  line.calm()
  const context = await firefox.createBrowserContext()
  const visitor = new Visitor(context)
  try {
    await check(visitor)
  } catch (error) {
    return error.message
  } finally {
    await context.close()
  }
}

let failures = 0
const profile = await mkdtemp(join(tmpdir(), 'firefox-'))
watch(profile)
await line.open()
try {
  firefox = await started(profile)
  for (const [name, check] of Object.entries(checks)) {
    if (wanted.length && !wanted.includes(name)) continue
    const began = Date.now()
    const why = await outcome(check)
    if (why !== undefined) failures++
    report(name, why)
    if (process.env.TIMES) console.error(Date.now() - began, name)
  }
} catch (error) {
  failures++
  report('it can be driven', error.message)
} finally {
  await firefox?.close()
  await line.close()
  await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
}
process.exit(failures ? 1 : 0)
