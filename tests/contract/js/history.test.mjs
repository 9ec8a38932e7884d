// What a user has made: pages of videos and images, search, stars, deletion.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import * as shapes from './shapes.mjs'
import { client, failed, person, succeeded } from './stack.mjs'

/** @typedef {import('../../../supabase/types/index.ts').Answers} Answers */

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
/** @type {import('./stack.mjs').Person} */
let owner
/** @type {import('./stack.mjs').Person} */
let other
/** @type {string} */
let imageId
/** @type {string} */
let taskId

before(async () => {
  owner = await person({ credits: 300 })
  other = await person()
})

test('an uploaded image is recorded once, found by its words, and only by its owner', async () => {
  const path = `${owner.id}/fox.png`
  succeeded(await owner.client.storage.from('reference-images').upload(path, PNG, { contentType: 'image/png' }))
  const record = { prompt: '雪の中の赤い狐, a red fox', bucket: 'reference-images', path, width: 1, height: 1 }
  const image = succeeded(await owner.client.rpc('record_image', record))
  imageId = image.id
  assert.equal(succeeded(await owner.client.rpc('record_image', record)).id, imageId)
  for (const search of ['狐', 'RED F', 'fox']) {
    const { items } = succeeded(await owner.client.rpc('search_images', { search }))
    assert.deepEqual(items.map((each) => each.id), [imageId], search)
    assert.deepEqual(succeeded(await other.client.rpc('search_images', { search })).items, [], search)
  }
  assert.deepEqual(succeeded(await owner.client.rpc('search_images', { search: '%' })).items, [])
  const stolen = await other.client.rpc('record_image', record)
  assert.ok(stolen.status >= 400, 'a file of somebody else')
})

test('the image becomes the first frame of a video, which is in the history and gets stars', async () => {
  const order = { prompt: 'The fox looks up', duration: 4, reference_image_id: imageId }
  taskId = succeeded(await owner.client.rpc('generate_video', order)).task_id
  const early = await owner.client.rpc('delete_video', { task_id: taskId })
  assert.deepEqual([early.status, failed(early).code], [409, 'illegal_state'])
  for (let status = 'pending'; status !== 'completed'; ) {
    status = succeeded(await owner.client.rpc('get_video_status', { task_id: taskId })).status
    assert.ok(!['failed', 'cancelled'].includes(status), status)
    await new Promise((wake) => setTimeout(wake, 200))
  }
  assert.deepEqual(succeeded(await owner.client.rpc('rate_video', { task_id: taskId, stars: 4 })), {
    task_id: taskId,
    stars: 4,
  })
  const six = await owner.client.rpc('rate_video', { task_id: taskId, stars: 6 })
  assert.deepEqual([six.status, failed(six).code], [422, 'invalid_parameter'])
  const theirs = await other.client.rpc('rate_video', { task_id: taskId, stars: 1 })
  assert.deepEqual([theirs.status, failed(theirs).code], [404, 'task_not_found'])

  const { items } = succeeded(await owner.client.rpc('list_videos', { status: 'completed' }))
  shapes.assertShape(items[0], shapes.listedVideo)
  assert.deepEqual([items[0]?.task_id, items[0]?.stars], [taskId, 4])
})

test('one list holds both, a page at a time, newest first', async () => {
  const seen = []
  /** @type {string | null} */
  let cursor = null
  do {
    /** @type {Answers['list_generations']} */
    const page = succeeded(await owner.client.rpc('list_generations', { page_size: 1, cursor }))
    seen.push(...page.items.map((each) => [each.content_type, each.id]))
    cursor = page.next_cursor
  } while (cursor)
  assert.deepEqual(seen, [['video', taskId], ['image', imageId]])
  const images = succeeded(await owner.client.rpc('list_generations', { content_type: 'image' }))
  assert.deepEqual(images.items.map((each) => each.id), [imageId])
  assert.deepEqual(succeeded(await other.client.rpc('list_generations')).items, [])
  failed(await client().rpc('list_generations'))
})

test('what is deleted is gone from every list and from Storage; its entries stay', async () => {
  const theirs = await other.client.rpc('delete_video', { task_id: taskId })
  assert.deepEqual([theirs.status, failed(theirs).code], [404, 'task_not_found'])
  for (let repeat = 0; repeat < 2; repeat++) {
    assert.deepEqual(succeeded(await owner.client.rpc('delete_video', { task_id: taskId })), { deleted: true })
    assert.deepEqual(succeeded(await owner.client.rpc('delete_image', { image_id: imageId })), { deleted: true })
  }
  assert.deepEqual(succeeded(await owner.client.rpc('list_generations')).items, [])
  const { items } = succeeded(await owner.client.rpc('list_credit_transactions'))
  assert.deepEqual(items.map((entry) => entry.amount), [-40, 300])
  const until = Date.now() + 60_000
  for (const bucket of ['videos', 'reference-images']) {
    while (succeeded(await owner.client.storage.from(bucket).list(owner.id)).length > 0) {
      assert.ok(Date.now() < until, `files are left in ${bucket}`)
      await new Promise((wake) => setTimeout(wake, 200))
    }
  }
})
