// Accounts and sessions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PASSWORD, address, client, failed, person, succeeded } from './stack.mjs'

test('a sign-up is signed in at once, with a profile of its own', async () => {
  const own = client()
  const email = address()
  const { user, session } = succeeded(
    await own.auth.signUp({ email, password: PASSWORD, options: { data: { nickname: 'Ada' } } }),
  )
  assert.equal(user?.email, email)
  assert.equal(user?.user_metadata.nickname, 'Ada')
  assert.equal(session?.token_type, 'bearer')
  const profile = succeeded(await own.from('profiles').select('id').single())
  assert.equal(profile.id, user?.id)
})

test('a password that is too short is refused, and why', async () => {
  const error = failed(await client().auth.signUp({ email: address(), password: 'short' }))
  assert.equal(error.name, 'AuthWeakPasswordError')
  assert.equal(error.code, 'weak_password')
  assert.equal(error.status, 422)
})

test('an address signs up once', async () => {
  const { email } = await person()
  const error = failed(await client().auth.signUp({ email, password: PASSWORD }))
  assert.deepEqual([error.code, error.status], ['user_already_exists', 422])
})

test('a wrong password and an unknown address are answered alike', async () => {
  const { email } = await person()
  for (const credentials of [
    { email, password: 'not the password' },
    { email: address('nobody'), password: PASSWORD },
  ]) {
    const error = failed(await client().auth.signInWithPassword(credentials))
    assert.deepEqual([error.code, error.status], ['invalid_credentials', 400])
  }
})

test('signing in and out is announced to whoever listens', async () => {
  const { email } = await person()
  const own = client()
  /** @type {string[]} */
  const events = []
  const { subscription } = own.auth.onAuthStateChange((event) => {
    events.push(event)
  }).data
  succeeded(await own.auth.signInWithPassword({ email, password: PASSWORD }))
  succeeded(await own.auth.refreshSession())
  succeeded(await own.auth.updateUser({ data: { nickname: 'Ada' } }))
  assert.equal((await own.auth.signOut()).error, null)
  subscription.unsubscribe()
  assert.deepEqual(
    events.filter((event) => event !== 'INITIAL_SESSION'),
    ['SIGNED_IN', 'TOKEN_REFRESHED', 'USER_UPDATED', 'SIGNED_OUT'],
  )
})

test('a refresh gives new tokens for the same session', async () => {
  const own = await person()
  const before = succeeded(await own.client.auth.getSession()).session
  const after = succeeded(await own.client.auth.refreshSession()).session
  assert.ok(before && after)
  assert.notEqual(after.refresh_token, before.refresh_token)
  assert.equal(after.user.id, own.id)
  const sessions = [before, after].map(({ access_token }) => claims(access_token).session_id)
  assert.equal(sessions[0], sessions[1])
  assert.equal(succeeded(await own.client.rpc('get_credits')).balance, 0)
})

test('a refresh token that is not one is refused', async () => {
  const error = failed(await client().auth.refreshSession({ refresh_token: 'abcdefghijkl' }))
  assert.deepEqual([error.code, error.status], ['refresh_token_not_found', 400])
})

test('a stored session survives a restart and is refreshed when its time is over', async () => {
  const { email, id } = await person()
  /** @type {Map<string, string>} */
  const kept = new Map()
  const auth = {
    autoRefreshToken: false,
    storage: {
      getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
      setItem: (/** @type {string} */ key, /** @type {string} */ value) => void kept.set(key, value),
      removeItem: (/** @type {string} */ key) => void kept.delete(key),
    },
  }
  const first = withAuth(auth)
  const { session } = succeeded(await first.auth.signInWithPassword({ email, password: PASSWORD }))
  assert.equal(succeeded(await withAuth(auth).auth.getUser()).user?.id, id)

  // As after a night: the access token is over, the refresh token is not.
  const [[key, value]] = /** @type {[[string, string]]} */ ([...kept])
  kept.set(key, JSON.stringify({ ...JSON.parse(value), expires_at: 1 }))
  const refreshed = succeeded(await withAuth(auth).auth.getSession()).session
  assert.ok(refreshed)
  assert.equal(refreshed.user.id, id)
  assert.notEqual(refreshed.refresh_token, session.refresh_token)
})

test('the tokens of a session can be handed to another client', async () => {
  const own = await person()
  const { session } = succeeded(await own.client.auth.getSession())
  assert.ok(session)
  const other = client()
  assert.equal(succeeded(await other.auth.setSession(session)).user?.id, own.id)
  assert.equal(succeeded(await other.rpc('get_credits')).balance, 0)
})

test('an anonymous user orders like any other and becomes permanent with all he has', async () => {
  const own = client()
  const { user } = succeeded(await own.auth.signInAnonymously({ options: { data: { from: 'landing page' } } }))
  assert.ok(user)
  assert.equal(user.is_anonymous, true)
  assert.equal(user.user_metadata.from, 'landing page')
  assert.deepEqual(succeeded(await own.rpc('get_credits')).balance, 0)

  const email = address('formerly-anonymous')
  const permanent = succeeded(await own.auth.updateUser({ email, password: PASSWORD })).user
  assert.equal(permanent.is_anonymous, false)
  assert.equal(permanent.email, email)

  const again = client()
  const signedIn = succeeded(await again.auth.signInWithPassword({ email, password: PASSWORD }))
  assert.equal(signedIn.user.id, user.id)
  assert.equal(claims(signedIn.session.access_token).is_anonymous, false)
})

test('metadata, password and address are changed by their owner', async () => {
  const { email, client: own } = await person()
  assert.deepEqual(
    succeeded(await own.auth.updateUser({ data: { theme: 'dark' } })).user.user_metadata.theme,
    'dark',
  )
  succeeded(await own.auth.updateUser({ password: 'a better one than before' }))
  failed(await client().auth.signInWithPassword({ email, password: PASSWORD }))
  succeeded(await client().auth.signInWithPassword({ email, password: 'a better one than before' }))
})

for (const { scope, here, elsewhere } of /** @type {const} */ ([
  { scope: 'local', here: false, elsewhere: true },
  { scope: 'others', here: true, elsewhere: false },
  { scope: 'global', here: false, elsewhere: false },
])) {
  test(`signing out, scope ${scope}`, async () => {
    const { email, client: first, token } = await person()
    const second = client()
    succeeded(await second.auth.signInWithPassword({ email, password: PASSWORD }))
    const tokens = [token, succeeded(await second.auth.getSession()).session?.access_token]

    assert.equal((await first.auth.signOut({ scope })).error, null)

    assert.equal(succeeded(await first.auth.getSession()).session !== null, here)
    const answers = await Promise.all(tokens.map((each) => client().auth.getUser(each)))
    assert.deepEqual(
      answers.map(({ error }) => error === null),
      [here, elsewhere],
    )
    for (const { error } of answers) assert.ok(!error || error.name === 'AuthSessionMissingError', error?.name)
    assert.equal((await second.auth.refreshSession()).error === null, elsewhere)
  })
}

test('claims are verified on the spot by the published key', async () => {
  const own = await person()
  const verified = succeeded(await own.client.auth.getClaims())
  assert.ok(verified)
  assert.equal(verified.header.alg, 'ES256')
  assert.equal(verified.claims.sub, own.id)
  assert.equal(verified.claims.role, 'authenticated')

  const [header, payload, signature] = own.token.split('.')
  const forged = encode({ ...claims(own.token), sub: crypto.randomUUID() })
  assert.ok(payload && signature)
  const refused = failed(await own.client.auth.getClaims(`${header}.${forged}.${signature}`))
  assert.equal(refused.name, 'AuthInvalidJwtError')
})

test('what needs a mailer says that there is none', async () => {
  const own = await person()
  for (const answer of [
    await client().auth.resetPasswordForEmail(own.email),
    await client().auth.signInWithOtp({ email: own.email }),
  ]) {
    const error = failed(answer)
    assert.equal(error.status, 501)
    assert.match(error.message, /not part of the local Auth stand-in/)
  }
})

/**
 * What a token says, unverified.
 * @param {string} token
 */
function claims(token) {
  return JSON.parse(Buffer.from(String(token.split('.')[1]), 'base64url').toString())
}

/** @param {object} value */
function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** @param {import('@supabase/supabase-js').SupabaseClientOptions<'public'>['auth']} auth */
function withAuth(auth) {
  return client('PUBLISHABLE_KEY', { auth })
}
