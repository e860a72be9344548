import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { account } from '../account.js'
import { Browser, json, problem } from './world.mjs'

const noContent = () => new Response(null, { status: 204 })

async function ada() {
  const browser = new Browser()
  const tab = await browser.loggedIn()
  return { browser, session: tab.session, calls: account(tab.session) }
}

const document = JSON.parse(readFileSync(new URL('../../../docs/openapi/auth-service.json', import.meta.url), 'utf8'))

async function areOfTheDocument(list) {
  const { browser, session, calls } = await ada()
  for (const call of list({ session, calls })) {
    await call()
    const { method, path, body, headers } = browser.requests.at(-1)
    const operation = document.paths[path.replace('/other', '/{id}')]?.[method.toLowerCase()]
    assert.ok(operation, `${method} ${path}`)
    const isAnonymous = !operation.security?.some(({ bearer }) => bearer)
    assert.equal(headers.has('authorization'), !isAnonymous, path)
    const reference = operation.requestBody?.content['application/json'].schema.$ref.split('/').at(-1)
    const { required = [], properties = {} } = document.components.schemas[reference] ?? {}
    const sent = Object.keys(body ? JSON.parse(body) : {})
    assert.deepEqual(required.filter((name) => !sent.includes(name)), [], path)
    assert.deepEqual(sent.filter((name) => !(name in properties)), [], path)
  }
}

test('every call is one of the document, with the members that it asks for', () =>
  areOfTheDocument(({ calls }) => [
    () => calls.sessions(),
    () => calls.endSession('other'),
    () => calls.changePassword({ current: 'a', new: 'b' }),
    () => calls.changeEmail({ new: 'a', password: 'b', language: 'uk' }),
    () => calls.verifyEmail({ language: 'uk' }),
    () => calls.verifyEmail(),
    () => calls.setSecondEmail({ new: 'a', password: 'b' }),
    () => calls.removeSecondEmail({ password: 'b' }),
    () => calls.exportData(),
    () => calls.forgotPassword({ email: 'a', language: 'uk' }),
    () => calls.loginCode({ email: 'a' }),
  ]))

test('so is every call of factors', () =>
  areOfTheDocument(({ session, calls }) => [
    () => calls.factors(),
    () => calls.keepFactors(),
    () => calls.beginTotp(),
    () => calls.confirmTotp({ code: 'a' }),
    () => calls.removeTotp(),
    () => calls.newRecoveryCodes(),
    () => calls.passkeys(),
    () => calls.passkeyOptions(),
    () => calls.addPasskey({ challenge_id: 'a', credential: {}, name: 'b' }),
    () => calls.renamePasskey('other', 'a'),
    () => calls.removePasskey('other'),
    () => calls.trustedDevices(),
    () => calls.removeTrustedDevice('other'),
    () => session.reauthenticate({ password: 'a', totp: 'b', recovery_code: 'c', passkey: {} }),
    () => session.loginPasskey({ challenge_id: 'a', credential: {} }),
    () => session.loginSecondFactor({ second_factor_token: 'a', totp: 'b', trust_device: true }),
  ]))

test('the language of a mail is a header', async () => {
  const { browser, calls } = await ada()
  await calls.forgotPassword({ email: 'a', language: 'uk' })
  assert.equal(browser.requests.at(-1).headers.get('accept-language'), 'uk')
  await calls.forgotPassword({ email: 'a' })
  assert.equal(browser.requests.at(-1).headers.get('accept-language'), null)
})

test('the others are ended one by one, and one that is over already is no error', async () => {
  const { browser, calls } = await ada()
  browser.answers['/auth/sessions'] = () => json(200, { sessions: [{ id: 'own', current: true }, { id: 'a' }, { id: 'b' }], incidents: [] })
  browser.answers['/auth/sessions/a'] = () => problem(404, 'not_found')
  browser.answers['/auth/sessions/b'] = noContent
  assert.equal(await calls.endOthers(), 2)
  assert.deepEqual(browser.paths(), ['GET /auth/sessions', 'DELETE /auth/sessions/a', 'DELETE /auth/sessions/b'])
})

test('ending this session, or the account, logs out', async () => {
  for (const end of [
    ({ calls, session }) => calls.endSession(session.state.sessionId),
    ({ calls }) => calls.deleteAccount({ password: 'x' }),
  ]) {
    const here = await ada()
    here.browser.answers['/auth/me'] = noContent
    await end(here)
    assert.equal(here.session.state.phase, 'out')
    assert.equal(here.browser.paths().at(-1), 'POST /auth/logout')
  }
})

test('a refusal changes nothing', async () => {
  const { browser, session, calls } = await ada()
  browser.answers['/auth/me'] = () => problem(403, 'wrong_password')
  await assert.rejects(calls.deleteAccount({ password: 'x' }), (error) => error.problem.code === 'wrong_password')
  assert.equal(session.state.phase, 'in')
})

test('202 and 204 may say nothing; any other answer without a body is not from auth-service', async () => {
  const { browser, session } = await ada()
  const reset = () => session.call('POST', '/admin/users/1/reset')
  for (const status of [202, 204]) {
    browser.answers['/admin/users/1/reset'] = () => new Response(null, { status })
    assert.deepEqual(await reset(), {}, `${status}`)
  }
  browser.answers['/admin/users/1/reset'] = () => json(202, { flow: 'f1' })
  assert.deepEqual(await reset(), { flow: 'f1' })
  for (const status of [200, 201, 403]) {
    browser.answers['/admin/users/1/reset'] = () => new Response('', { status })
    await assert.rejects(reset(), { name: 'NotNow' }, `${status}`)
  }
  browser.answers['/admin/users/1/reset'] = () => new Response('half an ans', { status: 202 })
  await assert.rejects(reset(), { name: 'NotNow' })
})
