// What the functions of administrators answer.
import type { Json } from './database.types.ts'
import type { Time } from './index.ts'

export type AdminAction = {
  id: number
  /** `admin:<user id>`, `service_role` or `operator`. */
  actor: string
  action: string
  user_id: string | null
  task_id: string | null
  details: Json
  reason: string | null
  created_at: Time
}

export type ConfigValue = {
  key: string
  value: Json
  type: 'integer' | 'number' | 'boolean' | 'text' | 'timestamp'
  minimum: number | null
  maximum: number | null
  is_nullable: boolean
  description: string
  updated_at: Time
  updated_by: string
}

export type ConfigChange = {
  id: number
  key: string
  old_value: Json
  new_value: Json
  changed_by: string
  reason: string | null
  changed_at: Time
}

export type CatalogueModel = {
  model: string
  provider: string
  provider_model: string
  display_name: string
  has_negative_prompt: boolean
  has_reference_image: boolean
  credit_multiplier: number
  is_enabled: boolean
  is_available: boolean
  paused_at: Time | null
  pause_reason: string | null
  retires_at: Time | null
  /** When an administrator last confirmed what a second costs. */
  price_checked_at: Time | null
  options: {
    resolution: string
    duration: number
    credit_cost: number
    usd_per_second: number
    usd: number
    margin_usd: number
  }[]
  planned_prices: { resolution: string; duration: number; usd_per_second: number; valid_from: Time }[]
}
