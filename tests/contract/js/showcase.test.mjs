// What users show: handed in, copied by the worker, reviewed, seen and liked by everybody.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import * as shapes from './shapes.mjs'
import { client, env, failed, person, succeeded } from './stack.mjs'

/** @typedef {import('../../../supabase/types/index.ts').OwnShowcaseItem} OwnItem */
/** @typedef {import('../../../supabase/types/index.ts').ShowcaseStatus} Status */

const PATIENCE_SECONDS = 60
/** @type {import('./stack.mjs').Person} */
let author
/** @type {import('./stack.mjs').Person} */
let admin

before(async () => {
  author = await person({ credits: 100 })
  admin = await person()
  succeeded(await client('SECRET_KEY').auth.admin.updateUserById(admin.id, { app_metadata: { role: 'admin' } }))
  succeeded(await author.client.from('profiles').update({ display_name: 'Ada' }).eq('id', author.id).select('id'))
})

/**
 * The author's item once it has this status.
 * @param {string} id
 * @param {Status} status
 * @returns {Promise<OwnItem>}
 */
async function inStatus(id, status) {
  const until = Date.now() + PATIENCE_SECONDS * 1000
  for (;;) {
    const { items } = succeeded(await author.client.rpc('list_my_showcase'))
    const item = items.find((each) => each.id === id)
    assert.ok(item, 'the item is gone')
    if (item.status === status) return item
    assert.ok(Date.now() < until, `still ${item.status}`)
    await new Promise((wake) => setTimeout(wake, 200))
  }
}

test('from the finished video to the public file, and out again', async () => {
  const order = { prompt: 'A paper boat, secretly', duration: 4 }
  const { task_id } = succeeded(await author.client.rpc('generate_video', order))
  const early = await author.client.rpc('publish_to_showcase', { task_id })
  assert.deepEqual([early.status, failed(early).code], [409, 'illegal_state'])
  for (let status = 'pending'; status !== 'completed'; ) {
    status = succeeded(await author.client.rpc('get_video_status', { task_id })).status
    assert.ok(!['failed', 'cancelled'].includes(status), status)
    await new Promise((wake) => setTimeout(wake, 200))
  }

  const handedIn = succeeded(await author.client.rpc('publish_to_showcase', { task_id, title: 'A boat' }))
  shapes.assertShape(handedIn, shapes.ownShowcaseItem)
  assert.deepEqual([handedIn.status, handedIn.video_url], ['copying', null])
  const waiting = await inStatus(handedIn.id, 'in_review')
  assert.equal(waiting.video_url, null)
  const { items } = succeeded(await admin.client.rpc('admin_list_showcase'))
  const reviewed = items.find((each) => each.id === handedIn.id)
  shapes.assertShape(reviewed, shapes.reviewedShowcaseItem)
  assert.equal(reviewed?.prompt, order.prompt)
  const own = await author.client.rpc('admin_review_showcase_item', { item_id: handedIn.id, decision: 'approve' })
  assert.deepEqual([own.status, failed(own).code], [403, 'not_admin'])
  succeeded(await admin.client.rpc('admin_review_showcase_item', { item_id: handedIn.id, decision: 'approve' }))
  succeeded(await admin.client.rpc('admin_feature_showcase_item', { item_id: handedIn.id, position: 1 }))

  // A visitor, by GET too, as a page that is rendered on a server would.
  const visitor = client()
  for (const options of [{}, { get: true }]) {
    const page = succeeded(await visitor.rpc('list_showcase', { featured: true }, options))
    const [item] = page.items
    shapes.assertShape(item, shapes.showcaseItem)
    assert.ok(item?.provenance && item.video_url)
    assert.deepEqual(
      [item.id, item.title, item.prompt, item.author_name, item.duration, item.featured, item.ai_generated],
      [handedIn.id, 'A boat', null, 'Ada', 4, true, true],
    )
    assert.match(String(item.provenance.sha256), /^[0-9a-f]{64}$/)
    const said = JSON.stringify(page)
    for (const secret of [author.id, author.email, task_id, 'secretly', 'videos/']) assert.ok(!said.includes(secret))
    const file = await fetch(new URL(item.video_url, env('API_URL')))
    assert.deepEqual([file.status, file.headers.get('content-type')], [200, 'video/mp4'])
  }
  failed(await visitor.from('showcase_items').select('*'))
  assert.deepEqual(succeeded(await visitor.storage.from('showcase').list()), [])

  const fan = await person()
  const like = { item_id: handedIn.id }
  assert.deepEqual(succeeded(await fan.client.rpc('set_showcase_like', like)), { liked: true, like_count: 1 })
  const [liked] = succeeded(await fan.client.rpc('list_showcase', { featured: true })).items
  assert.deepEqual([liked?.liked_by_me, liked?.like_count], [true, 1])
  assert.deepEqual(
    succeeded(await fan.client.rpc('set_showcase_like', { ...like, liked: false })),
    { liked: false, like_count: 0 },
  )
  failed(await fan.client.rpc('remove_from_showcase', { item_id: handedIn.id }))

  const shown = await inStatus(handedIn.id, 'published')
  assert.deepEqual(succeeded(await author.client.rpc('remove_from_showcase', { item_id: handedIn.id })), { removed: true })
  const file = new URL(String(shown.video_url), env('API_URL'))
  for (const until = Date.now() + PATIENCE_SECONDS * 1000; (await fetch(file)).ok; ) {
    assert.ok(Date.now() < until, 'the file is still there')
    await new Promise((wake) => setTimeout(wake, 200))
  }
})
