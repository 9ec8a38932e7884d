// Every RPC, its answer and its errors. The worker does not run meanwhile: what is ordered stays `pending`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as shapes from './shapes.mjs'
import { client, failed, grant, person, succeeded, withSetting } from './stack.mjs'

const { assertShape } = shapes

test('prices and availability are there for everybody', async () => {
  for (const each of [client(), (await person()).client]) {
    const prices = succeeded(await each.rpc('list_video_prices'))
    assert.ok(prices.length > 0)
    for (const price of prices) assertShape(price, shapes.price)

    const open = succeeded(await each.rpc('get_video_availability'))
    assertShape(open, shapes.availability)
    assertShape(open.models[0], shapes.model)

    const quote = succeeded(await each.rpc('quote_video', { duration: 6, resolution: '1080p', model: null }))
    assertShape(quote, shapes.price)
    assert.equal(quote.credit_cost, 90)
  }
})

test('an order is paid at once and shown from then on', async () => {
  const own = await person({ credits: 100 })
  assert.deepEqual(succeeded(await own.client.rpc('get_credits')), {
    balance: 100,
    active_tasks: 0,
    concurrent_limit: 3,
  })

  const prompt = 'A paper boat – 纸船 🚤'
  const task = succeeded(await own.client.rpc('generate_video', { prompt, duration: 4, negative_prompt: 'people' }))
  assertShape(task, shapes.newTask)
  assert.deepEqual([task.status, task.credit_cost, task.balance], ['pending', 40, 60])

  const status = succeeded(await own.client.rpc('get_video_status', { task_id: task.task_id }))
  assertShape(status, shapes.videoStatus)
  assert.deepEqual([status.status, status.video, status.error], ['pending', null, null])

  const listed = succeeded(await own.client.rpc('list_videos', { status: 'in_progress' }))
  assertShape(listed, shapes.page)
  assertShape(listed.items[0], shapes.listedVideo)
  assert.deepEqual(
    listed.items.map((item) => [item.task_id, item.prompt, item.negative_prompt]),
    [[task.task_id, prompt, 'people']],
  )
  assert.equal(succeeded(await own.client.rpc('get_credits')).active_tasks, 1)
})

test('a null argument means the default', async () => {
  const own = await person({ credits: 100 })
  const task = succeeded(
    await own.client.rpc('generate_video', {
      prompt: 'A kite',
      duration: null,
      resolution: null,
      aspect_ratio: null,
      negative_prompt: null,
      reference_image_path: null,
      reference_image_id: null,
      model: null,
      idempotency_key: null,
    }),
  )
  assert.equal(task.credit_cost, 80)
})

test('a repeated key answers with the first task and costs nothing', async () => {
  const own = await person({ credits: 100 })
  const order = { prompt: 'A kite', duration: 4, idempotency_key: crypto.randomUUID() }
  const first = succeeded(await own.client.rpc('generate_video', order))
  const again = succeeded(await own.client.rpc('generate_video', order))
  assert.equal(again.task_id, first.task_id)
  assert.equal(succeeded(await own.client.rpc('get_credits')).balance, 60)

  const other = await own.client.rpc('generate_video', { ...order, duration: 8 })
  const details = { fields: ['duration'], task_id: first.task_id }
  assertRefused(other, 409, 'idempotency_conflict', details)
})

test('a pending task is cancelled for the whole price, and cancelling again is fine', async () => {
  const own = await person({ credits: 100 })
  const { task_id } = succeeded(await own.client.rpc('generate_video', { prompt: 'A kite', duration: 4 }))
  for (const _ of ['first', 'second']) {
    const status = succeeded(await own.client.rpc('cancel_video', { task_id }))
    assertShape(status, shapes.videoStatus)
    assert.deepEqual([status.status, status.refunded_credits], ['cancelled', 40])
  }
  const entries = succeeded(await own.client.rpc('list_credit_transactions'))
  assertShape(entries.items[0], shapes.transaction)
  assert.deepEqual(
    entries.items.map((entry) => [entry.type, entry.amount, entry.balance_after]),
    [
      ['video_refund', 40, 100],
      ['video_generation', -40, 60],
      ['admin_grant', 100, 100],
    ],
  )
})

test('pages go through everything once, newest first', async () => {
  const own = await person()
  for (const amount of [1, 2, 3, 4, 5]) await grant(own.id, amount)
  /** @type {number[]} */
  const amounts = []
  /** @type {string | null} */
  let cursor = null
  do {
    /** @type {import('../../../supabase/types/index.ts').Page<import('../../../supabase/types/index.ts').Transaction>} */
    const page = succeeded(await own.client.rpc('list_credit_transactions', { cursor, page_size: 2 }))
    assert.ok(page.items.length <= 2)
    amounts.push(...page.items.map((entry) => entry.amount))
    cursor = page.next_cursor
  } while (cursor !== null)
  assert.deepEqual(amounts, [5, 4, 3, 2, 1])
})

test('what a caller got wrong is named with what is allowed', async () => {
  const own = await person({ credits: 100 })
  const wrong = await own.client.rpc('generate_video', { prompt: 'A kite', duration: 5 })
  assertRefused(wrong, 422, 'invalid_parameter', { parameter: 'duration', allowed: [4, 6, 8] })
  assert.equal(failed(wrong).message, 'duration must be 4, 6 or 8 seconds.')
  const cursor = await own.client.rpc('list_videos', { cursor: 'not one of ours' })
  assert.equal(assertRefused(cursor, 422, 'invalid_parameter').parameter, 'cursor')
})

test('a price above the balance is refused with both', async () => {
  const own = await person({ credits: 10 })
  const refused = await own.client.rpc('generate_video', { prompt: 'A yacht' })
  assertRefused(refused, 402, 'insufficient_credits', { required: 80, available: 10 })
})

test('one task too many is refused with when to come back', async () => {
  const own = await person({ credits: 200 })
  for (const prompt of ['one', 'two', 'three']) {
    succeeded(await own.client.rpc('generate_video', { prompt, duration: 4 }))
  }
  const refused = await own.client.rpc('generate_video', { prompt: 'four', duration: 4 })
  const { retry_after_seconds, ...details } = assertRefused(refused, 429, 'concurrent_limit_exceeded')
  assert.deepEqual(details, { limit: 3, active: 3 })
  assert.ok(retry_after_seconds > 0)
})

test('while generation is off the message of the operator arrives', async () => {
  const own = await person({ credits: 100 })
  await withSetting('video_generation_enabled', false, async () => {
    assert.equal(succeeded(await own.client.rpc('get_video_availability')).enabled, false)
    const refused = await own.client.rpc('generate_video', { prompt: 'A kite' })
    const details = assertRefused(refused, 503, 'generation_disabled')
    assert.ok(details.retry_after_seconds > 0)
    assert.ok('message' in details && 'until' in details)
  })
  succeeded(await own.client.rpc('generate_video', { prompt: 'A kite' }))
})

test('who is not in the rollout is told so', async () => {
  const own = await person({ credits: 100 })
  await withSetting('video_rollout_percent', 0, async () => {
    assert.equal(succeeded(await own.client.rpc('get_video_availability')).in_rollout, false)
    assertRefused(await own.client.rpc('generate_video', { prompt: 'A kite' }), 403, 'not_in_rollout')
  })
})

test("somebody else's task does not exist", async () => {
  const [owner, stranger] = [await person({ credits: 100 }), await person()]
  const { task_id } = succeeded(await owner.client.rpc('generate_video', { prompt: 'A kite' }))
  for (const name of /** @type {const} */ (['get_video_status', 'cancel_video'])) {
    assertRefused(await stranger.client.rpc(name, { task_id }), 404, 'task_not_found')
    const unknown = await owner.client.rpc(name, { task_id: crypto.randomUUID() })
    assertRefused(unknown, 404, 'task_not_found')
  }
  assert.deepEqual(succeeded(await stranger.client.rpc('list_videos')).items, [])
})

test('credits are granted by the server, once for a key, to a user there is', async () => {
  const own = await person()
  const service = client('SECRET_KEY')
  const order = { user_id: own.id, amount: 25, reason: 'a gift', idempotency_key: crypto.randomUUID() }
  for (const _ of ['first', 'again']) {
    assert.deepEqual(succeeded(await service.rpc('admin_grant_credits', order)), { balance: 25 })
  }
  const nobody = { ...order, user_id: crypto.randomUUID(), idempotency_key: null }
  assertRefused(await service.rpc('admin_grant_credits', nobody), 404, 'user_not_found')
  const nothing = { ...order, amount: 0, idempotency_key: null }
  assert.equal(assertRefused(await service.rpc('admin_grant_credits', nothing), 422, 'invalid_parameter').parameter, 'amount')
})

test("the platform's own errors pass unchanged", async () => {
  const own = await person()
  /** @type {any} */
  const untyped = own.client
  for (const { answer, status, code } of [
    { answer: await client().rpc('get_credits'), status: 401, code: '42501' },
    { answer: await untyped.rpc('make_me_rich', {}), status: 404, code: 'PGRST202' },
    { answer: await untyped.rpc('get_video_status', { id: own.id }), status: 404, code: 'PGRST202' },
    { answer: await own.client.rpc('get_video_status', { task_id: 'x' }), status: 400, code: '22P02' },
  ]) {
    assert.deepEqual([answer.status, failed(answer).code], [status, code])
  }
})

test('a read may be asked for by GET, and an answer for its head alone', async () => {
  const got = await client().rpc('quote_video', { duration: 4 }, { get: true })
  assert.equal(succeeded(got).credit_cost, 40)
  const head = await client().rpc('list_video_prices', undefined, { head: true, get: true })
  assert.deepEqual([head.status, head.data], [200, null])
  const own = await person({ credits: 100 })
  // A paid call never happens by following a link.
  const refused = await own.client.rpc('generate_video', { prompt: 'A kite' }, { get: true })
  assert.equal(refused.status, 405)
  assert.equal(succeeded(await own.client.rpc('get_credits')).balance, 100)
})

test('a call can be given up, and throw instead of answering an error', async () => {
  const given = new AbortController()
  given.abort()
  const aborted = await client().rpc('list_video_prices').abortSignal(given.signal)
  assert.match(failed(aborted).message, /abort/i)
  await assert.rejects(async () => await client().rpc('get_credits').throwOnError(), { code: '42501' })
})

/**
 * The parsed details of an error that has this status and code.
 * @param {{ error: import('@supabase/supabase-js').PostgrestError | null, data: unknown, status: number }} answer
 * @param {number} status
 * @param {import('../../../supabase/types/index.ts').ErrorCode} code
 * @param {object} [details]
 */
function assertRefused(answer, status, code, details) {
  const error = failed(answer)
  assert.deepEqual([answer.status, error.code], [status, code])
  assert.ok(error.message.length > 0)
  const parsed = error.details === null ? {} : JSON.parse(error.details)
  if (details !== undefined) assert.deepEqual(parsed, details)
  return parsed
}
