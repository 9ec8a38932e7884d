// The ten lines of README.md as a program (Node 22 or newer). `make up`, then, with a user who has credits:
//
//   EMAIL=ada@example.com PASSWORD=… node --env-file=.local/dev/env functions_py/docs/examples/generate.mjs
const { EMAIL: email, PASSWORD: password } = process.env

// README
import { createClient } from '@supabase/supabase-js'
const supabase = createClient(process.env.API_URL, process.env.PUBLISHABLE_KEY)
await supabase.auth.signInWithPassword({ email, password })
const { data: task, error } = await supabase.rpc('generate_video', {
  prompt: 'A paper boat drifts down a rainy street', duration: 8, idempotency_key: crypto.randomUUID() })
if (error) throw error                                       // error.code: insufficient_credits, ...
let status = task
while (['pending', 'processing', 'downloading'].includes(status.status)) {
  await new Promise((wake) => setTimeout(wake, 5000))
  status = (await supabase.rpc('get_video_status', { task_id: task.task_id })).data
}
if (status.error) throw new Error(status.error.message)      // the credits are back already
const { data: url } = await supabase.storage.from(status.video.bucket).createSignedUrl(status.video.path, 3600)
// README

console.log(url.signedUrl)
