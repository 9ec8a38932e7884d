// Tables and the view `videos`: filters, counts, order, ranges, and whose rows are seen. The worker does not run.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { client, failed, grant, person, succeeded } from './stack.mjs'

const COLUMNS = 'type, amount, reason, created_at'

/** @type {import('./stack.mjs').Person} */
let own

before(async () => {
  own = await person()
  for (const amount of [10, 20, 30, 40, 50]) await grant(own.id, amount, `grant of ${amount}`)
  for (const prompt of ['A red kite', 'A blue kite', 'A boat']) {
    succeeded(await own.client.rpc('generate_video', { prompt, duration: 4 }))
  }
})

/** Everybody sees the same table; row security leaves the own rows. */
const grants = () => own.client.from('credit_transactions').select('amount').eq('type', 'admin_grant')

/** @param {{ amount: number }[]} rows */
const amounts = (rows) => rows.map((row) => row.amount).sort((one, other) => one - other)

test('filters of every kind', async () => {
  for (const [query, expected] of /** @type {const} */ ([
    [grants().eq('amount', 20), [20]],
    [grants().neq('amount', 20), [10, 30, 40, 50]],
    [grants().gt('amount', 30), [40, 50]],
    [grants().gte('amount', 30), [30, 40, 50]],
    [grants().lt('amount', 20), [10]],
    [grants().lte('amount', 20), [10, 20]],
    [grants().in('amount', [10, 50, 99]), [10, 50]],
    [grants().not('amount', 'in', '(10,50)'), [20, 30, 40]],
    [grants().or('amount.eq.10,and(amount.gt.30,amount.lt.50)'), [10, 40]],
    [grants().like('reason', 'grant of _0'), [10, 20, 30, 40, 50]],
    [grants().ilike('reason', 'GRANT%3%'), [30]],
    [grants().is('task_id', null), [10, 20, 30, 40, 50]],
    [grants().not('task_id', 'is', null), []],
    [grants().match({ amount: 30, reason: 'grant of 30' }), [30]],
    [grants().filter('amount', 'eq', 40), [40]],
    [grants().gte('created_at', '2020-01-01T00:00:00+00:00'), [10, 20, 30, 40, 50]],
    [grants().gt('created_at', '2100-01-01'), []],
  ])) {
    assert.deepEqual(amounts(succeeded(await query)), expected)
  }
})

test('texts with commas, quotes, parentheses and other letters are only texts', async () => {
  const other = await person()
  const rows = () => other.client.from('credit_transactions').select('amount')
  const reason = 'a,b "c" (d) & e=f 100% + ü 纸'
  await grant(other.id, 7, reason)
  assert.deepEqual(succeeded(await rows().eq('reason', reason)), [{ amount: 7 }])
  await grant(other.id, 8, 'commas, (parentheses)')
  assert.deepEqual(succeeded(await rows().in('reason', ['commas, (parentheses)', 'x'])), [{ amount: 8 }])
})

test('order, limits and ranges', async () => {
  const rows = () => own.client.from('credit_transactions').select(COLUMNS).like('reason', 'grant of %')
  const descending = succeeded(await rows().order('amount', { ascending: false }).limit(2))
  assert.deepEqual(
    descending.map((row) => row.amount),
    [50, 40],
  )
  const middle = await rows().order('type').order('amount').range(1, 3)
  assert.deepEqual(
    succeeded(middle).map((row) => row.amount),
    [20, 30, 40],
  )
  const nothing = await rows().order('amount').range(90, 99)
  assert.deepEqual(succeeded(nothing), [])
})

test('counts with rows, without rows, and of a part', async () => {
  const rows = own.client.from('videos')
  const whole = await rows.select('id', { count: 'exact' })
  assert.deepEqual([whole.count, whole.data?.length], [3, 3])
  const head = await rows.select('*', { count: 'exact', head: true })
  assert.deepEqual([head.count, head.data, head.error], [3, null, null])
  const part = await rows.select('prompt', { count: 'exact' }).like('prompt', '%kite').limit(1)
  assert.deepEqual([part.count, part.data?.length, part.status], [2, 1, 206])
  for (const count of /** @type {const} */ (['planned', 'estimated'])) {
    const guessed = await rows.select('id', { count, head: true })
    assert.equal(typeof guessed.count, 'number')
  }
})

test('one row, perhaps one row, and too many', async () => {
  const rows = () => own.client.from('videos').select('id, prompt')
  const one = succeeded(await rows().eq('prompt', 'A boat').single())
  assert.equal(one.prompt, 'A boat')
  assert.equal(succeeded(await rows().eq('prompt', 'A ship').maybeSingle()), null)
  const none = await rows().eq('prompt', 'A ship').single()
  assert.deepEqual([none.status, failed(none).code], [406, 'PGRST116'])
  assert.equal(failed(await rows().single()).code, 'PGRST116')
})

test('the view shows every column of a task that is meant for its owner', async () => {
  const task = succeeded(await own.client.from('videos').select('*').eq('prompt', 'A boat').single())
  assert.equal(task.user_id, own.id)
  assert.deepEqual([task.status, task.credit_cost, task.duration, task.model], ['pending', 40, 4, 'veo-3.1'])
  // The table beside it has more, and gives out no more.
  const hidden = await own.client.from('video_generation_history').select('google_video_url')
  assert.deepEqual([hidden.status, failed(hidden).code], [403, '42501'])
})

test('rows as text for a spreadsheet', async () => {
  const text = succeeded(await grants().order('amount').limit(2).csv())
  assert.equal(text.trim(), 'amount\n10\n20')
})

test('what belongs together is read in one call', async () => {
  const [task] = succeeded(
    await own.client
      .from('videos')
      .select('prompt, credit_transactions!entry_task_exists(type, amount)')
      .eq('prompt', 'A boat'),
  )
  assert.deepEqual(task?.credit_transactions, [{ type: 'video_generation', amount: -40 }])
})

test("nobody sees or counts somebody else's rows", async () => {
  const stranger = await person()
  /** @type {any} */
  const [signedIn, signedOut] = [stranger.client, client()]
  for (const [table, theirs] of Object.entries({
    videos: 0,
    video_generation_history: 0,
    image_generation_history: 0,
    credit_transactions: 0,
    credit_accounts: 1,
    profiles: 1,
  })) {
    const seen = await signedIn.from(table).select('id', { count: 'exact' })
    assert.deepEqual([table, seen.count, seen.data?.length], [table, theirs, theirs])
    const refused = await signedOut.from(table).select('id')
    assert.deepEqual([table, refused.status, refused.error?.code], [table, 401, '42501'])
  }
  const all = await client('SECRET_KEY').from('videos').select('id', { count: 'exact', head: true })
  assert.ok((all.count ?? 0) >= 3)
})

test('a display name is the only thing a user writes by himself', async () => {
  const renamed = await own.client.from('profiles').update({ display_name: 'Ada' }).eq('id', own.id).select('display_name')
  assert.deepEqual(succeeded(renamed), [{ display_name: 'Ada' }])

  /** @type {any} */
  const untyped = own.client
  const stranger = await person()
  const missed = await own.client.from('profiles').update({ display_name: 'Eve' }).eq('id', stranger.id).select('id')
  assert.deepEqual(succeeded(missed), [])
  for (const answer of [
    await untyped.from('credit_accounts').update({ balance: 1_000_000 }).eq('user_id', own.id),
    await untyped.from('credit_transactions').insert({ type: 'admin_grant', amount: 1 }),
    await untyped.from('videos').update({ status: 'completed' }).eq('user_id', own.id),
    await untyped.from('videos').delete().eq('user_id', own.id),
    await untyped.from('video_generation_history').delete().eq('user_id', own.id),
    await untyped.from('profiles').upsert({ id: stranger.id, display_name: 'Eve' }),
  ]) {
    assert.deepEqual([answer.status, answer.error?.code], [403, '42501'])
  }
})

test('schemas that are not for clients are not there', async () => {
  /** @type {any} */
  const untyped = client('SECRET_KEY')
  for (const schema of ['private', 'worker_api', 'auth', 'vault']) {
    const answer = await untyped.schema(schema).from('anything').select()
    assert.deepEqual([answer.status, answer.error.code], [406, 'PGRST106'])
  }
})

test('a setting is changed by the secret key and held to its range', async () => {
  const configs = client('SECRET_KEY').from('system_configs')
  const setting = succeeded(await configs.select('value').eq('key', 'video_submit_per_minute').single())
  try {
    const changed = await configs.update({ value: 49 }).eq('key', 'video_submit_per_minute').select('value').single()
    assert.equal(succeeded(changed).value, 49)
    const refused = await configs.update({ value: 'many' }).eq('key', 'video_submit_per_minute')
    assert.deepEqual([refused.status, failed(refused).code], [400, '23514'])
  } finally {
    succeeded(await configs.update({ value: setting.value ?? 50 }).eq('key', 'video_submit_per_minute').select())
  }
})
