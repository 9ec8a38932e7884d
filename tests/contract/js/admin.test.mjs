// What a server does with the secret key: users and their rights.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PASSWORD, address, client, failed, person, succeeded } from './stack.mjs'

test('the life of a user who never signed up himself', async () => {
  const { admin } = client('SECRET_KEY').auth
  const email = address('made')
  const { user } = succeeded(
    await admin.createUser({
      email,
      password: PASSWORD,
      email_confirm: true,
      user_metadata: { nickname: 'Ada' },
      app_metadata: { plan: 'pro' },
    }),
  )
  assert.ok(user)
  assert.deepEqual(
    [user.email, user.user_metadata.nickname, user.app_metadata.plan],
    [email, 'Ada', 'pro'],
  )
  succeeded(await client().auth.signInWithPassword({ email, password: PASSWORD }))

  succeeded(await admin.updateUserById(user.id, { password: 'changed by support', app_metadata: { plan: 'free' } }))
  const own = client()
  const { session } = succeeded(await own.auth.signInWithPassword({ email, password: 'changed by support' }))
  assert.equal(session.user.app_metadata.plan, 'free')
  assert.equal(succeeded(await admin.getUserById(user.id)).user.id, user.id)

  assert.equal((await admin.signOut(session.access_token)).error, null)
  assert.equal(failed(await own.auth.refreshSession()).code, 'refresh_token_not_found')

  succeeded(await admin.deleteUser(user.id))
  assert.equal(failed(await admin.getUserById(user.id)).code, 'user_not_found')
  failed(await client().auth.signInWithPassword({ email, password: 'changed by support' }))
})

test('users are listed page by page, newest first', async () => {
  const { admin } = client('SERVICE_ROLE_KEY').auth
  const [older, newer] = [await person(), await person()]
  const first = succeeded(await admin.listUsers({ page: 1, perPage: 1 }))
  const second = succeeded(await admin.listUsers({ page: 2, perPage: 1 }))
  assert.deepEqual(
    [first.users[0]?.id, second.users[0]?.id],
    [newer.id, older.id],
  )
  assert.equal('nextPage' in first && first.nextPage, 2)
  assert.ok('total' in first && first.total >= 2)
})

test('an address is given out once, and an unknown user is not found', async () => {
  const { admin } = client('SECRET_KEY').auth
  const { email } = await person()
  assert.equal(failed(await admin.createUser({ email, password: PASSWORD })).code, 'email_exists')
  const nobody = failed(await admin.updateUserById(crypto.randomUUID(), { password: PASSWORD }))
  assert.deepEqual([nobody.code, nobody.status], ['user_not_found', 404])
})

test('nobody administers users with a key for browsers, or as a user', async () => {
  const own = await person()
  for (const each of [client('PUBLISHABLE_KEY'), client('ANON_KEY'), own.client]) {
    const refused = failed(await each.auth.admin.listUsers())
    assert.deepEqual([refused.code, refused.status], ['not_admin', 403])
  }
})

test('an administrator of the product is made by app_metadata, and is one at once', async () => {
  const own = await person()
  const grant = { user_id: own.id, amount: 5, reason: 'goodwill' }
  const refused = await own.client.rpc('admin_grant_credits', grant)
  assert.deepEqual([failed(refused).code, refused.status], ['not_admin', 403])

  const { admin } = client('SECRET_KEY').auth
  succeeded(await admin.updateUserById(own.id, { app_metadata: { role: 'admin' } }))
  assert.deepEqual(succeeded(await own.client.rpc('admin_grant_credits', grant)), { balance: 5 })
})

test('a ban ends the sessions of a user', async () => {
  const own = await person()
  const { admin } = client('SECRET_KEY').auth
  succeeded(await admin.updateUserById(own.id, { ban_duration: '1h' }))
  assert.equal(failed(await own.client.auth.refreshSession()).code, 'user_banned')
  const refused = failed(await client().auth.signInWithPassword({ email: own.email, password: PASSWORD }))
  assert.equal(refused.code, 'user_banned')
  succeeded(await admin.updateUserById(own.id, { ban_duration: 'none' }))
  succeeded(await client().auth.signInWithPassword({ email: own.email, password: PASSWORD }))
})
