// What the functions about purchases answer.
import type { Time } from './index.ts'

/** `amount` is the price without tax, in the smallest unit of the currency. */
export type CreditPackage = { id: string; name: string; credits: number; amount: number; currency: string }

export type Checkout = {
  payment_id: string
  package_id: string
  provider: string
  mode: 'test' | 'prod'
  product_id: string
  credits: number
  amount: number
  currency: string
}

export type PaymentStatus = 'open' | 'paid' | 'partially_refunded' | 'refunded' | 'disputed' | 'held'

export type Payment = {
  id: string
  package_id: string | null
  status: PaymentStatus
  credits: number
  refunded_credits: number
  amount: number | null
  currency: string | null
  paid_at: Time | null
  created_at: Time
}

export type RecordedPayment = {
  result: 'applied' | 'already_applied' | 'held' | 'ignored'
  payment_id: string | null
  status: PaymentStatus | null
  problem: string | null
  credits: number | null
  refunded_credits: number | null
}
