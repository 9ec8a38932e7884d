// The same as generate.mjs with every type known: arguments, answers, columns, error codes and their details.
//
//   EMAIL=ada@example.com PASSWORD=… node --env-file=.local/dev/env functions_py/docs/examples/generate.ts
//
// Node 22.18 and newer run it as it is. An application copies supabase/types, or generates its own (`supabase gen types`)
// and keeps index.ts beside it.
import { createClient } from '@supabase/supabase-js'
import type { PostgrestError, SupabaseClient } from '@supabase/supabase-js'
import type { Database, ErrorCode, ErrorDetails, VideoStatus } from '../../../supabase/types/index.ts'

const POLL_MILLISECONDS = 5000

const supabase = createClient<Database>(env('API_URL'), env('PUBLISHABLE_KEY'))
const signedIn = await supabase.auth.signInWithPassword({ email: env('EMAIL'), password: env('PASSWORD') })
if (signedIn.error) throw signedIn.error

const status = await generate(supabase, 'A paper boat drifts down a rainy street')
if (status.video === null) throw new Error(status.error?.message ?? status.status)

const bucket = supabase.storage.from(status.video.bucket)
const { data: file, error: notSigned } = await bucket.createSignedUrl(status.video.path, 3600)
if (notSigned) throw notSigned
console.log(file.signedUrl)

const { data: videos, error: notRead } = await supabase
  .from('videos')
  .select('prompt, duration, completed_at')
  .eq('status', 'completed')
  .order('completed_at', { ascending: false })
if (notRead) throw notRead
for (const video of videos) console.log(`${video.completed_at} ${video.duration} s: ${video.prompt}`)

/** Orders a video and waits until it has ended. */
async function generate(client: SupabaseClient<Database>, prompt: string): Promise<VideoStatus> {
  // Made before the first try and kept for every other one: a repeated call is never paid twice.
  const idempotency_key = crypto.randomUUID()
  const { data: task, error } = await client.rpc('generate_video', { prompt, duration: 8, idempotency_key })
  if (error) throw new Error(explain(error))
  for (;;) {
    await new Promise((wake) => setTimeout(wake, POLL_MILLISECONDS))
    const polled = await client.rpc('get_video_status', { task_id: task.task_id })
    if (polled.error) throw polled.error
    if (!['pending', 'processing', 'downloading'].includes(polled.data.status)) return polled.data
  }
}

function explain(error: PostgrestError): string {
  switch (error.code as ErrorCode) {
    case 'insufficient_credits': {
      const { required, available } = details(error, 'insufficient_credits')
      return `This costs ${required} credits and you have ${available}.`
    }
    case 'concurrent_limit_exceeded': {
      const { active, retry_after_seconds } = details(error, 'concurrent_limit_exceeded')
      return `${active} videos are being made already: try again in ${retry_after_seconds} seconds.`
    }
    default:
      return error.message
  }
}

function details<Code extends keyof ErrorDetails>(error: PostgrestError, _: Code): ErrorDetails[Code] {
  return JSON.parse(error.details)
}

function env(name: string): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set`)
  return value
}
