// What the functions of administrators answer.
import type { Json } from './database.types.ts'
import type { EntryType, FailureCode, TaskStatus, Time } from './index.ts'

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

export type Alert = {
  id: number
  kind: string
  severity: 'info' | 'warning' | 'critical'
  /** What it is about: a task, a model, a day, a worker. */
  subject: string
  details: Json
  occurrences: number
  first_seen_at: Time
  last_seen_at: Time
  acknowledged_at: Time | null
  acknowledged_by: string | null
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

export type AdminUser = {
  user_id: string
  email: string | null
  display_name: string | null
  is_admin: boolean
  created_at: Time
  balance: number
  debt: number
  tasks: number
  active_tasks: number
  last_task_at: Time | null
  last_sign_in_at: Time | null
  last_activity_at: Time | null
}

export type FailureReason = { error_code: FailureCode; count: number }

export type UserVideoStats = {
  user: AdminUser
  videos: Record<TaskStatus | 'total' | 'in_progress' | 'deleted' | 'seconds_made', number> & {
    /** completed / (completed + failed) */
    success_rate: number | null
    first_at: Time | null
    last_at: Time | null
  }
  failure_reasons: FailureReason[]
  credits: {
    charged: number
    refunded: number
    goodwill: number
    /** charged less what came back */
    consumed: number
    by_type: Partial<Record<EntryType, number>>
  }
  spend_usd: number
  last_tasks: {
    task_id: string
    status: TaskStatus
    error_code: FailureCode | null
    model: string
    duration: number
    resolution: string
    credit_cost: number
    created_at: Time
  }[]
}

export type ProviderCall = {
  attempt: number
  model: string
  provider: string
  provider_model: string
  output_prefix: string
  operation_id: string | null
  outcome: string
  usd: number
  day: string
  /** What the provider said, raw. */
  detail: Json
  created_at: Time
  ended_at: Time | null
}

export type AdminTask = {
  task_id: string
  user_id: string | null
  status: TaskStatus
  prompt: string | null
  negative_prompt: string | null
  aspect_ratio: string
  resolution: string
  duration: number
  model: string
  reference_image_bucket: string | null
  reference_image_path: string | null
  request: Json
  idempotency_key: string | null
  credit_cost: number
  charge_id: string | null
  refund_id: string | null
  retry_of: string | null
  operation_id: string | null
  google_video_url: string | null
  permanent_video_url: string | null
  thumbnail_url: string | null
  file_size_bytes: number | null
  sha256: string | null
  width: number | null
  height: number | null
  video_duration: number | null
  retry_count: number
  created_at: Time
  completed_at: Time | null
  downloaded_at: Time | null
  ended_at: Time | null
  deleted_at: Time | null
  error: { code: FailureCode; message: string } | null
  refunded_credits: number
  usd: number
  provider_calls: ProviderCall[]
}

export type Stage = 'submit' | 'submitting' | 'reconcile' | 'poll' | 'transfer'

export type VideoTrail = {
  task: AdminTask
  /** null once the user is deleted. */
  user: AdminUser | null
  /** null once the task has ended. */
  job: {
    stage: Stage
    due_at: Time
    deadline_at: Time
    leased_by: string | null
    submit_attempt: number
    refusals: number
    last_refusal: string | null
    download_attempt: number
    counts_for_limit: boolean
  } | null
  ledger: {
    id: string
    type: EntryType
    amount: number
    balance_before: number
    balance_after: number
    actor: string
    reason: string | null
    created_at: Time
  }[]
  admin_actions: Omit<AdminAction, 'user_id' | 'task_id'>[]
  retries: { task_id: string; status: TaskStatus; created_at: Time }[]
}

export type StuckTask = {
  task_id: string
  user_id: string | null
  status: TaskStatus
  stage: Stage
  reasons: ('not_picked_up' | 'overdue' | 'past_deadline' | 'refused' | 'lost')[]
  model: string
  created_at: Time
  age_seconds: number
  due_at: Time
  deadline_at: Time
  leased_by: string | null
  submit_attempt: number
  refusals: number
  last_refusal: string | null
  download_attempt: number
}

/** Of the tasks ordered in a period. A rate of nothing is null. */
export type Figures = {
  tasks: number
  completed: number
  failed: number
  cancelled: number
  in_progress: number
  generators: number
  success_rate: number | null
  download_rate: number | null
  credits: number
  revenue_usd: number
  cost_usd: number
  margin_usd: number
  margin_rate: number | null
  ratings: number
  average_stars: number | null
}

export type Percentiles = { p50: number | null; p90: number | null; p99: number | null }

export type Dashboard = {
  /** A UTC day, such as 2031-03-05. */
  from: string
  to: string
  totals: Figures
  by_day: (Figures & { day: string })[]
  by_model: (Figures & { model: string })[]
  by_day_and_model: (Figures & { day: string; model: string })[]
  failure_reasons: FailureReason[]
  kpis: {
    daily_active_generators: number
    videos_per_user: number | null
    popular_duration: number | null
    durations: Record<string, number>
    revenue_per_video_usd: number | null
    cost_per_video_usd: number | null
    margin_usd: number
    margin_rate: number | null
    video_share_of_credits: number | null
    repeat_use: number | null
    /** Average stars. */
    satisfaction: number | null
  }
  latency_seconds: Record<'queue' | 'generation' | 'transfer' | 'total', Percentiles>
  spend_by_day: { day: string; usd: number }[]
  now: {
    at: Time
    spend: {
      day: string
      usd: number
      cap_usd: number | null
      alert_usd: number | null
      share_of_cap: number | null
    }
    queue: {
      live_tasks: number
      due: number
      oldest_due_seconds: number | null
      stages: Record<Stage, number>
      file_jobs: number
    }
    alerts: Record<'critical' | 'warning' | 'info', number>
    workers: { worker_id: string; version: string; started_at: Time; silent_seconds: number }[]
    cron_silent_seconds: number | null
  }
}
