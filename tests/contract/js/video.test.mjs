// The main job, with the worker at work: from the order to the file, and what is shown on the way.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as shapes from './shapes.mjs'
import { client, failed, person, succeeded } from './stack.mjs'

const PATIENCE_SECONDS = 60
const MP4_TYPE_AT_4 = 'ftyp'
const POLLING = 'video_poll_interval_seconds'

const configs = () => client('SECRET_KEY').from('system_configs')
const setPolling = async (/** @type {number} */ seconds) =>
  succeeded(await configs().update({ value: seconds }).eq('key', POLLING).select())
let usual = 10

before(async () => {
  usual = Number(succeeded(await configs().select('value').eq('key', POLLING).single()).value)
  await setPolling(1)
})

after(async () => {
  await setPolling(usual)
})

test('from the order to a file that plays by a signed URL', async () => {
  const own = await person({ credits: 100 })
  const order = { prompt: 'A paper boat', duration: 4, aspect_ratio: '9:16' }
  const { task_id } = succeeded(await own.client.rpc('generate_video', order))
  const status = await ended(own, task_id)
  shapes.assertShape(status, shapes.videoStatus)
  assert.equal(status.status, 'completed', JSON.stringify(status))
  assert.ok(status.video)
  shapes.assertShape(status.video, shapes.videoFile)
  assert.deepEqual([status.video.width, status.video.height, status.video.duration], [720, 1280, 4])

  const bucket = own.client.storage.from(status.video.bucket)
  const { signedUrl } = succeeded(await bucket.createSignedUrl(status.video.path, 60))
  const head = await fetch(signedUrl, { headers: { range: 'bytes=0-11' } })
  assert.equal(head.status, 206)
  assert.equal(head.headers.get('content-range'), `bytes 0-11/${status.video.file_size_bytes}`)
  assert.equal((await head.text()).slice(4, 8), MP4_TYPE_AT_4)
  const whole = succeeded(await bucket.download(status.video.path))
  assert.deepEqual([whole.size, whole.type], [status.video.file_size_bytes, 'video/mp4'])
  const thumbnail = succeeded(await bucket.download(String(status.video.thumbnail_path)))
  assert.ok(thumbnail.size > 0)

  const row = succeeded(await own.client.from('videos').select('*').eq('id', task_id).single())
  assert.equal(row.permanent_video_url, `${status.video.bucket}/${status.video.path}`)
  assert.equal(row.status, 'completed')
  const listed = succeeded(await own.client.rpc('list_videos', { status: 'completed' }))
  assert.deepEqual(
    listed.items.map((item) => item.task_id),
    [task_id],
  )

  // The file is its owner's, and he can neither lose nor replace it by mistake.
  const stranger = (await person()).client.storage.from(status.video.bucket)
  failed(await stranger.createSignedUrl(status.video.path, 60))
  assert.deepEqual(succeeded(await bucket.remove([status.video.path])), [])
  failed(await bucket.upload(status.video.path, new Uint8Array(1), { contentType: 'video/mp4', upsert: true }))
  assert.equal(succeeded(await bucket.info(status.video.path)).size, status.video.file_size_bytes)
})

test('a task that Google has is not cancelled, and one that it refuses costs nothing', async () => {
  const own = await person({ credits: 100 })
  const slow = succeeded(await own.client.rpc('generate_video', { prompt: 'Endless [slow]', duration: 4 }))
  const refused = succeeded(await own.client.rpc('generate_video', { prompt: 'Not this [safety]', duration: 4 }))

  const status = await ended(own, refused.task_id)
  assert.deepEqual([status.status, status.error?.code, status.refunded_credits], ['failed', 'safety_filter', 40])
  assert.match(String(status.error?.message), /credits are back/)

  const at = await until(own, slow.task_id, (each) => each.status === 'processing')
  assert.equal(at.status, 'processing')
  const cancelled = await own.client.rpc('cancel_video', { task_id: slow.task_id })
  assert.deepEqual([cancelled.status, failed(cancelled).code], [409, 'illegal_state'])
  assert.equal(JSON.parse(failed(cancelled).details ?? '').status, 'processing')

  // Nobody waits for it: deleting the user ends it and keeps the ledger in order.
  succeeded(await client('SECRET_KEY').auth.admin.deleteUser(own.id))
})

test('an image of the own folder becomes the first frame', async () => {
  const own = await person({ credits: 100 })
  const path = `${own.id}/frame.png`
  const order = { prompt: 'It moves', duration: 4, reference_image_path: path }
  const missing = await own.client.rpc('generate_video', order)
  assert.deepEqual([missing.status, failed(missing).code], [404, 'image_not_found'])
  // One red pixel.
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==',
    'base64',
  )
  succeeded(await own.client.storage.from('reference-images').upload(path, png, { contentType: 'image/png' }))
  const { task_id } = succeeded(await own.client.rpc('generate_video', order))
  assert.equal((await ended(own, task_id)).status, 'completed')
})

/**
 * @param {import('./stack.mjs').Person} own
 * @param {string} task_id
 */
const ended = (own, task_id) => until(own, task_id, ({ status }) => !['pending', 'processing', 'downloading'].includes(status))

/**
 * Polls as a client does.
 * @param {import('./stack.mjs').Person} own
 * @param {string} task_id
 * @param {(status: import('../../../supabase/types/index.ts').VideoStatus) => boolean} isSo
 */
async function until(own, task_id, isSo) {
  const deadline = Date.now() + PATIENCE_SECONDS * 1000
  for (;;) {
    const status = succeeded(await own.client.rpc('get_video_status', { task_id }))
    if (isSo(status)) return status
    assert.ok(Date.now() < deadline, `still ${JSON.stringify(status)}`)
    await new Promise((wake) => setTimeout(wake, 200))
  }
}
