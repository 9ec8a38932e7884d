// A user with credits, to try the other examples with: what a shop's server does after a payment.
//
//   node --env-file=.local/dev/env functions_py/docs/examples/new-user.mjs      # prints EMAIL=… and PASSWORD=…
import { createClient } from '@supabase/supabase-js'

const CREDITS = 500

// The secret key may do everything: it stays on servers.
const service = createClient(process.env.API_URL, process.env.SECRET_KEY, { auth: { persistSession: false } })
const email = `ada-${crypto.randomUUID()}@example.com`
const password = crypto.randomUUID()

const { data, error } = await service.auth.admin.createUser({ email, password, email_confirm: true })
if (error) throw error
const granted = await service.rpc('admin_grant_credits', {
  user_id: data.user.id, amount: CREDITS, reason: 'Welcome', idempotency_key: `welcome-${data.user.id}` })
if (granted.error) throw granted.error

console.log(`EMAIL=${email}\nPASSWORD=${password}`)
