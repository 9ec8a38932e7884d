// API keys of both kinds, and tokens that somebody else issued. What is refused as a token: test_access_tokens.py.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { createClient } from '@supabase/supabase-js'
import { PASSWORD, client, env, failed, person, succeeded } from './stack.mjs'

for (const key of /** @type {const} */ (['PUBLISHABLE_KEY', 'ANON_KEY'])) {
  test(`${key} alone reads what is public, and with a session what is the user's`, async () => {
    const nobody = client(key)
    assert.ok(succeeded(await nobody.rpc('list_video_prices')).length > 0)
    const refused = await nobody.from('videos').select('id')
    assert.deepEqual([refused.status, failed(refused).code], [401, '42501'])
    assert.deepEqual(succeeded(await nobody.storage.listBuckets()), [])

    const own = await person({ key })
    assert.equal(succeeded(await own.client.rpc('get_credits')).balance, 0)
    assert.equal(succeeded(await own.client.auth.getUser()).user.id, own.id)
    assert.deepEqual(succeeded(await own.client.storage.from('videos').list(own.id)), [])
  })
}

for (const key of /** @type {const} */ (['SECRET_KEY', 'SERVICE_ROLE_KEY'])) {
  test(`${key} sees and does everything that a server may`, async () => {
    const service = client(key)
    const { id } = await person()
    assert.deepEqual(
      succeeded(await service.rpc('admin_grant_credits', { user_id: id, amount: 1, reason: 'test' })),
      { balance: 1 },
    )
    assert.equal((await service.from('profiles').select('id', { count: 'exact' }).eq('id', id)).count, 1)
    assert.equal(succeeded(await service.auth.admin.getUserById(id)).user.id, id)
    assert.ok(succeeded(await service.storage.listBuckets()).length >= 2)
  })
}

test('a user who signs in on a client with the secret key is a user from then on', async () => {
  const { email, id } = await person()
  const service = client('SECRET_KEY')
  succeeded(await service.auth.signInWithPassword({ email, password: PASSWORD }))
  assert.deepEqual(succeeded(await service.from('profiles').select('id')), [{ id }])
})

test('the secret key is refused in a browser', async () => {
  const headers = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0' }
  const refused = await client('SECRET_KEY', { global: { headers } }).from('videos').select('id')
  assert.equal(refused.status, 401)
  assert.match(failed(refused).message, /secret API key in browser/)
})

test('a key of another project is refused', async () => {
  for (const [key, message] of /** @type {const} */ ([
    ['sb_publishable_of_another_project', 'Unregistered API key'],
    ['nonsense', 'Invalid API key'],
  ])) {
    const options = { auth: { persistSession: false, autoRefreshToken: false } }
    const other = createClient(env('API_URL'), key, options)
    const refused = await other.from('videos').select('id')
    assert.deepEqual([refused.status, failed(refused).message], [401, message])
    assert.match(failed(await other.auth.signInAnonymously()).message, new RegExp(message))
  }
})

test('a token that the application signs itself is believed by every service', async () => {
  const { id } = await person({ credits: 100 })
  const own = withToken({ sub: id, role: 'authenticated', aud: 'authenticated', exp: inSeconds(60) })
  assert.equal(succeeded(await own.rpc('get_credits')).balance, 100)
  const path = `${id}/by token.png`
  const images = own.storage.from('reference-images')
  succeeded(await images.upload(path, new Uint8Array(3), { contentType: 'image/png' }))
  assert.equal(succeeded(await images.info(path)).size, 3)
})

test('a token without a user is told to sign in, one that is over to renew it', async () => {
  const nameless = await withToken({ role: 'authenticated', exp: inSeconds(60) }).rpc('get_credits')
  assert.deepEqual([nameless.status, failed(nameless).code], [401, 'not_authenticated'])

  const { id } = await person()
  const late = withToken({ sub: id, role: 'authenticated', exp: inSeconds(-60) })
  const refused = await late.rpc('get_credits')
  assert.equal(refused.status, 401)
  // PostgREST 12 says 301, later ones 303.
  assert.match(failed(refused).code, /^PGRST30[13]$/)
  const denied = failed(await late.storage.from('videos').list(id))
  assert.match(denied.message, /"exp" claim timestamp check failed/)
})

/** @param {object} claims */
function withToken(claims) {
  return client('PUBLISHABLE_KEY', { accessToken: async () => sign(claims) })
}

/**
 * Signed with the shared secret of the project, as a server does that has users of its own.
 * @param {object} claims
 */
function sign(claims) {
  const signed = [{ alg: 'HS256', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${signed}.${createHmac('sha256', env('JWT_SECRET')).update(signed).digest('base64url')}`
}

/** @param {number} seconds */
function inSeconds(seconds) {
  return Math.floor(Date.now() / 1000) + seconds
}
