// The running stack as supabase-js sees it: clients with each key, and people who really signed up.
import assert from 'node:assert/strict'
import { createClient } from '@supabase/supabase-js'

/** @typedef {import('../../../supabase/types/index.ts').Database} Database */
/** @typedef {import('@supabase/supabase-js').SupabaseClient<Database>} Client */
/** @typedef {{ id: string, email: string, client: Client, token: string }} Person */

export const PASSWORD = 'correct horse battery staple'

/**
 * A line of `make env`.
 * @param {string} name
 */
export function env(name) {
  const value = process.env[name]
  assert.ok(value, `${name} is not set: see make env`)
  return value
}

/**
 * A new client; like a program on a server it keeps its session to itself.
 * @param {'PUBLISHABLE_KEY' | 'SECRET_KEY' | 'ANON_KEY' | 'SERVICE_ROLE_KEY'} [key]
 * @param {import('@supabase/supabase-js').SupabaseClientOptions<'public'>} [options]
 * @returns {Client}
 */
export function client(key = 'PUBLISHABLE_KEY', options = {}) {
  return createClient(env('API_URL'), env(key), {
    // accessToken takes the place of supabase.auth.
    ...(options.accessToken ? {} : { auth: { autoRefreshToken: false, persistSession: false } }),
    ...options,
  })
}

/** An address nobody had before. */
export const address = (name = 'person') => `${name}-${crypto.randomUUID()}@example.com`

/**
 * Somebody who signed up and is signed in.
 * @param {{ credits?: number, key?: 'PUBLISHABLE_KEY' | 'ANON_KEY' }} [options]
 * @returns {Promise<Person>}
 */
export async function person({ credits = 0, key = 'PUBLISHABLE_KEY' } = {}) {
  const own = client(key)
  const email = address()
  const { user, session } = succeeded(await own.auth.signUp({ email, password: PASSWORD }))
  assert.ok(user && session)
  if (credits > 0) await grant(user.id, credits)
  return { id: user.id, email, client: own, token: session.access_token }
}

/**
 * @param {string} userId
 * @param {number} amount
 */
export async function grant(userId, amount, reason = 'test') {
  const service = client('SECRET_KEY')
  return succeeded(await service.rpc('admin_grant_credits', { user_id: userId, amount, reason }))
}

/**
 * The data of an answer; an error fails the test with what was said.
 * @template {{ error: object | null, data: unknown }} Answer
 * @param {Answer} answer
 * @returns {Extract<Answer, { error: null }>['data']}
 */
export function succeeded({ data, error }) {
  if (error) throw error
  return data
}

/**
 * The error of an answer; there must be one, and no data.
 * @template {{ error: object | null, data: unknown }} Answer
 * @param {Answer} answer
 * @returns {NonNullable<Answer['error']>}
 */
export function failed({ data, error }) {
  assert.ok(error, `this should have been refused, but answered ${JSON.stringify(data)}`)
  return error
}

/**
 * Runs with a row of system_configs changed, and puts it back.
 * @template Result
 * @param {string} key
 * @param {import('../../../supabase/types/index.ts').Json} value
 * @param {() => Promise<Result>} action
 */
export async function withSetting(key, value, action) {
  const configs = client('SECRET_KEY').from('system_configs')
  const before = succeeded(await configs.select('value').eq('key', key).single())
  // null is a value of JSON here, not of SQL.
  const write = async (/** @type {any} */ next) =>
    succeeded(await configs.update({ value: next }).eq('key', key).select().single())
  await write(value)
  try {
    return await action()
  } finally {
    await write(before.value)
  }
}
