// Files: reference images as users have them, and everything else a server does with a bucket of its own.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { client, failed, person, succeeded } from './stack.mjs'

const PNG = { contentType: 'image/png' }
const BYTES = new TextEncoder().encode('0123456789')
const bucketName = `contract-${crypto.randomUUID()}`

/** @type {import('./stack.mjs').Person} */
let own
const images = () => own.client.storage.from('reference-images')
const { storage } = client('SECRET_KEY')
const files = storage.from(bucketName)

before(async () => {
  own = await person()
  succeeded(await storage.createBucket(bucketName, { public: false, fileSizeLimit: '1MB' }))
})

after(async () => {
  succeeded(await storage.emptyBucket(bucketName))
  succeeded(await storage.deleteBucket(bucketName))
})

test('what a user uploads he finds, reads and removes', async () => {
  const path = `${own.id}/first frame.png`
  const uploaded = succeeded(await images().upload(path, BYTES, { ...PNG, metadata: { from: 'camera' } }))
  assert.deepEqual([uploaded.path, uploaded.fullPath], [path, `reference-images/${path}`])

  assert.deepEqual(await bytes(succeeded(await images().download(path))), BYTES)
  assert.equal(succeeded(await images().exists(path)), true)
  const info = succeeded(await images().info(path))
  assert.deepEqual([info.size, info.contentType, info.metadata], [10, 'image/png', { from: 'camera' }])
  const listed = succeeded(await images().list(own.id, { sortBy: { column: 'name', order: 'asc' } }))
  assert.deepEqual(
    listed.map((file) => [file.name, file.metadata?.size]),
    [['first frame.png', 10]],
  )

  const removed = succeeded(await images().remove([path, `${own.id}/never.png`]))
  assert.deepEqual(
    removed.map((file) => file.name),
    [path],
  )
  assert.equal((await images().exists(path)).data, false)
})

test('every kind of body arrives', async () => {
  for (const [name, body, options] of /** @type {[string, any, object?][]} */ ([
    ['a buffer', Buffer.from(BYTES)],
    ['an array buffer', BYTES.buffer],
    ['a blob', new Blob([BYTES], { type: 'image/png' })],
    ['a stream', new Blob([BYTES]).stream(), { duplex: 'half' }],
  ])) {
    const path = `${own.id}/${name}.png`
    succeeded(await images().upload(path, body, { ...PNG, ...options }))
    assert.deepEqual(await bytes(succeeded(await images().download(path))), BYTES)
  }
})

test('a signed URL needs no key, gives ranges and ends', async () => {
  const path = `${own.id}/signed.png`
  succeeded(await images().upload(path, BYTES, PNG))
  const { signedUrl } = succeeded(await images().createSignedUrl(path, 60, { download: 'mine.png' }))

  const whole = await fetch(signedUrl)
  assert.deepEqual([whole.status, await whole.text()], [200, '0123456789'])
  assert.equal(whole.headers.get('content-type'), 'image/png')
  assert.match(String(whole.headers.get('content-disposition')), /^attachment; filename=mine\.png/)
  for (const [range, text, content] of /** @type {const} */ ([
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=6-', '6789', 'bytes 6-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
  ])) {
    const part = await fetch(signedUrl, { headers: { range } })
    assert.deepEqual([part.status, await part.text()], [206, text])
    assert.equal(part.headers.get('content-range'), content)
  }
  assert.equal((await fetch(signedUrl, { headers: { range: 'bytes=90-' } })).status, 416)
  const etag = String(whole.headers.get('etag'))
  assert.equal((await fetch(signedUrl, { headers: { 'if-none-match': etag } })).status, 304)

  assert.equal((await fetch(signedUrl.replace('signed.png', 'other.png'))).status, 400)
  const ended = succeeded(await images().createSignedUrl(path, 1)).signedUrl
  await new Promise((wake) => setTimeout(wake, 1100))
  const refused = await fetch(ended)
  assert.equal(/** @type {any} */ (await refused.json()).code, 'InvalidJWT')
})

test('URLs for many files come in one call, with an error for each that is missing', async () => {
  const path = `${own.id}/one of many.png`
  succeeded(await images().upload(path, BYTES, PNG))
  const [there, missing] = succeeded(await images().createSignedUrls([path, `${own.id}/missing.png`], 60))
  assert.ok(there && missing)
  assert.equal(there.error, null)
  assert.equal((await fetch(there.signedUrl ?? '')).status, 200)
  assert.deepEqual([missing.signedUrl, typeof missing.error], [null, 'string'])
})

test('a browser uploads by a link that was signed for one name', async () => {
  const path = `${own.id}/by link.png`
  const link = succeeded(await images().createSignedUploadUrl(path))
  const nobody = client().storage.from('reference-images')
  assert.equal(succeeded(await nobody.uploadToSignedUrl(path, link.token, BYTES, PNG)).path, path)
  assert.deepEqual(await bytes(succeeded(await images().download(path))), BYTES)
  failed(await nobody.uploadToSignedUrl(path, link.token, BYTES, PNG))
  failed(await nobody.uploadToSignedUrl(`${own.id}/another.png`, link.token, BYTES, PNG))
})

test('a user writes to the own folder only, and never over what is there', async () => {
  const path = `${own.id}/once.png`
  succeeded(await images().upload(path, BYTES, PNG))
  const stranger = (await person()).client.storage.from('reference-images')
  for (const [answer, statusCode] of /** @type {[{ data: any, error: any }, string][]} */ ([
    [await images().upload(path, BYTES, PNG), '409'],
    [await images().upload(path, BYTES, { ...PNG, upsert: true }), '403'],
    [await images().update(path, BYTES, PNG), '403'],
    [await images().upload('root.png', BYTES, PNG), '403'],
    [await images().upload(`${own.id}/deep/er.png`, BYTES, PNG), '403'],
    [await images().upload(`${own.id}/film.mp4`, BYTES, { contentType: 'video/mp4' }), '415'],
    [await own.client.storage.from('videos').upload(`${own.id}/film.mp4`, BYTES, { contentType: 'video/mp4' }), '403'],
    [await stranger.upload(`${own.id}/planted.png`, BYTES, PNG), '403'],
    [await stranger.createSignedUrl(path, 60), '404'],
    [await stranger.info(path), '404'],
    [await stranger.copy(path, `${own.id}/copy.png`), '404'],
    [await stranger.move(path, `${own.id}/moved.png`), '404'],
  ])) {
    assert.equal(failed(answer).statusCode, statusCode, failed(answer).message)
  }
  failed(await stranger.download(path))
  assert.deepEqual(succeeded(await stranger.list(own.id)), [])
  assert.deepEqual(succeeded(await stranger.remove([path])), [])
  failed(await client().storage.from('reference-images').download(path))
  assert.equal(succeeded(await images().exists(path)), true)
})

test('a server moves, copies and overwrites', async () => {
  succeeded(await files.upload('a/one.txt', BYTES, { contentType: 'text/plain', cacheControl: '60' }))
  succeeded(await files.move('a/one.txt', 'b/one.txt'))
  assert.equal(succeeded(await files.copy('b/one.txt', 'c/one.txt')).path, `${bucketName}/c/one.txt`)
  assert.equal((await files.exists('a/one.txt')).data, false)
  failed(await files.move('b/one.txt', 'c/one.txt'))

  succeeded(await files.update('c/one.txt', 'changed', { contentType: 'text/plain' }))
  assert.equal(await succeeded(await files.download('c/one.txt')).text(), 'changed')
  assert.equal(await succeeded(await files.download('b/one.txt')).text(), '0123456789')
  succeeded(await files.upload('c/one.txt', 'again', { contentType: 'text/plain', upsert: true }))
  assert.equal(await succeeded(await files.download('c/one.txt')).text(), 'again')
})

test('lists are paged, sorted and searched, and folders are shown as such', async () => {
  for (const name of ['1.txt', '2.txt', '3.txt', 'deep/4.txt']) {
    succeeded(await files.upload(`pages/${name}`, BYTES, { contentType: 'text/plain' }))
  }
  const page = succeeded(
    await files.list('pages', { limit: 2, offset: 1, sortBy: { column: 'name', order: 'asc' } }),
  )
  assert.deepEqual(
    page.map((file) => file.name),
    ['2.txt', '3.txt'],
  )
  const found = succeeded(await files.list('pages', { search: '3' }))
  assert.deepEqual(
    found.map((file) => file.name),
    ['3.txt'],
  )
  const [folder] = succeeded(await files.list('pages', { search: 'deep' }))
  assert.deepEqual([folder?.name, folder?.id], ['deep', null])

  const first = succeeded(await files.listV2({ prefix: 'pages/', limit: 2 }))
  assert.deepEqual([first.objects.length, first.hasNext], [2, true])
  const rest = succeeded(await files.listV2({ prefix: 'pages/', limit: 10, cursor: String(first.nextCursor) }))
  assert.deepEqual([rest.objects.length, rest.hasNext], [2, false])
})

test('a bucket has rules, is changed, and is not dropped with files in it', async () => {
  const { file_size_limit, public: isPublic } = succeeded(await storage.getBucket(bucketName))
  assert.deepEqual([file_size_limit, isPublic], [1_000_000, false])
  const tooBig = await files.upload('big.bin', new Uint8Array(1_000_001))
  assert.equal(/** @type {any} */ (failed(tooBig)).statusCode, '413')

  succeeded(await files.upload('kept.txt', BYTES, { contentType: 'text/plain' }))
  const address = files.getPublicUrl('kept.txt').data.publicUrl
  assert.equal((await fetch(address)).status, 400)
  succeeded(await storage.updateBucket(bucketName, { public: true }))
  assert.equal(await (await fetch(address)).text(), '0123456789')

  failed(await storage.deleteBucket(bucketName))
  failed(await own.client.storage.createBucket('mine', { public: true }))
  assert.deepEqual(succeeded(await own.client.storage.listBuckets()), [])
  const names = succeeded(await storage.listBuckets()).map((bucket) => bucket.name)
  assert.deepEqual(names.filter((name) => [bucketName, 'reference-images', 'videos'].includes(name)).length, 3)
})

/** @param {Blob} blob */
async function bytes(blob) {
  return new Uint8Array(await blob.arrayBuffer())
}
