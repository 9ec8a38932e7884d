// What to give supabase-js:
//
//   import type { Database } from './supabase/types'
//   const supabase = createClient<Database>(url, publishableKey)
//
// database.types.ts is generated (`make types`). It calls what an RPC answers `Json`, because in the schema that is
// jsonb; here each answer gets its shape, and an argument with a default may also be null, which means the default.
// The compiler and the contract tests hold these shapes to the answers of a running stack.
import type {
  AdminAction,
  Alert,
  AdminTask,
  AdminUser,
  CatalogueModel,
  ConfigChange,
  ConfigValue,
  Dashboard,
  StuckTask,
  UserVideoStats,
  VideoTrail,
} from './admin.ts'
import type { Database as Generated, Json, Tables } from './database.types.ts'
import type { Checkout, CreditPackage, Payment, RecordedPayment } from './payments.ts'

export type * from './admin.ts'
export type * from './payments.ts'
export type { Json, Tables } from './database.types.ts'

type Functions = Generated['public']['Functions']

export type Database = Omit<Generated, 'public'> & {
  public: Omit<Generated['public'], 'Functions'> & {
    Functions: {
      [Name in keyof Functions]: {
        Args: OrNull<Functions[Name]['Args']>
        Returns: Name extends keyof Answers ? Answers[Name] : Functions[Name]['Returns']
      }
    }
  }
}

type OrNull<Args> = { [Name in keyof Args]: undefined extends Args[Name] ? Args[Name] | null : Args[Name] }

/** What each RPC answers. */
export interface Answers {
  admin_acknowledge_alert: Alert
  admin_deduct_credits: Balance
  admin_feature_showcase_item: ReviewedShowcaseItem
  admin_grant_credits: Balance
  admin_get_dashboard: Dashboard
  admin_get_user_video_stats: UserVideoStats
  admin_get_video: VideoTrail
  admin_list_actions: Page<AdminAction>
  admin_list_alerts: Page<Alert>
  admin_list_config: ConfigValue[]
  admin_list_config_changes: Page<ConfigChange>
  admin_list_models: CatalogueModel[]
  admin_list_stuck_tasks: Page<StuckTask>
  admin_list_user_videos: Page<AdminTask>
  admin_list_users: Page<AdminUser>
  admin_refund_video: {
    result: 'applied' | 'already_applied'
    task_id: string
    status: TaskStatus
    refunded_credits: number
    balance: number
  }
  admin_retry_download: {
    result: 'applied' | 'already_applied'
    task_id: string
    retry_of: string
    status: TaskStatus
  }
  /** Repeat until both are 0. */
  admin_rollback: { done: number; remaining: number }
  admin_set_config: { key: string; value: Json; old_value: Json }
  admin_set_credit_package: Tables<'credit_packages'>
  admin_set_model: CatalogueModel
  admin_set_model_price: CatalogueModel
  begin_checkout: Checkout
  admin_list_showcase: Page<ReviewedShowcaseItem>
  admin_review_showcase_item: ReviewedShowcaseItem
  begin_prompt_optimization: StartedOptimization
  cancel_video: VideoStatus
  delete_image: { deleted: true }
  delete_video: { deleted: true }
  finish_prompt_optimization: { recorded: boolean }
  generate_video: NewTask
  get_credits: Credits
  get_video_availability: Availability
  get_video_status: VideoStatus
  list_credit_packages: CreditPackage[]
  list_credit_transactions: Page<Transaction>
  list_generations: Page<Generation>
  list_payments: Page<Payment>
  list_my_showcase: Page<OwnShowcaseItem>
  list_showcase: Page<ShowcaseItem>
  list_video_prices: Price[]
  list_videos: Page<ListedVideo>
  publish_to_showcase: OwnShowcaseItem
  quote_video: Price
  rate_video: { task_id: string; stars: number }
  record_checkout: { payment_id: string; checkout_id: string }
  record_image: Image
  record_payment: RecordedPayment
  search_images: Page<Image>
  take_unsettled_payments: { payment_id: string; checkout_id: string }[]
  remove_from_showcase: { removed: boolean }
  set_showcase_like: { liked: boolean; like_count: number }
}

/** Newest first. `next_cursor` is null on the last page; else give it as `cursor` to get the next one. */
export type Page<Item> = { items: Item[]; next_cursor: string | null }

/** A time in RFC 3339. */
export type Time = string

export type TaskStatus = 'pending' | 'processing' | 'downloading' | 'completed' | 'failed' | 'cancelled'

export type NewTask = {
  task_id: string
  status: TaskStatus
  credit_cost: number
  balance: number
  estimated_seconds: number
  created_at: Time
}

export type VideoStatus = {
  task_id: string
  status: TaskStatus
  created_at: Time
  completed_at: Time | null
  elapsed_seconds: number
  /** null once the task has ended. */
  estimated_remaining_seconds: number | null
  is_overdue: boolean
  credit_cost: number
  refunded_credits: number
  /** Failed downloads of the finished clip. */
  retry_count: number
  retry_of: string | null
  /** Once completed. */
  video: VideoFile | null
  /** Once failed. */
  error: { code: FailureCode; message: string } | null
}

export type VideoFile = {
  bucket: string
  path: string
  thumbnail_path: string | null
  duration: number
  width: number
  height: number
  file_size_bytes: number
}

export type ListedVideo = VideoStatus & {
  prompt: string
  negative_prompt: string | null
  duration: number
  resolution: string
  aspect_ratio: string
  model: string
  /** What its owner gave it: 1 to 5, null if nothing. */
  stars: number | null
}

/** An image of the caller's: made by the application, or uploaded. */
export type Image = {
  id: string
  prompt: string | null
  bucket: string
  path: string
  width: number | null
  height: number | null
  created_at: Time
}

/** A video or an image. The file of a video is there once it is `completed`. */
export type Generation = {
  id: string
  content_type: 'image' | 'video'
  prompt: string | null
  status: TaskStatus
  credit_cost: number
  created_at: Time
  completed_at: Time | null
  bucket: string | null
  path: string | null
  thumbnail_path: string | null
  width: number | null
  height: number | null
  duration: number | null
  resolution: string | null
  aspect_ratio: string | null
}

export type Price = { model: string; duration: number; resolution: string; credit_cost: number }

export type Availability = {
  enabled: boolean
  in_rollout: boolean
  message: string | null
  until: Time | null
  prompt_max_length: number
  concurrent_limit: number
  models: Model[]
}

export type Model = {
  id: string
  display_name: string
  is_default: boolean
  durations: number[]
  resolutions: string[]
  has_negative_prompt: boolean
  has_reference_image: boolean
}

export type ShowcaseItem = {
  id: string
  content_type: 'image' | 'video'
  title: string | null
  /** Only if its author agreed. */
  prompt: string | null
  author_name: string | null
  /** Of an image. URLs may be paths on the project's host: `new URL(url, SUPABASE_URL)`. */
  image_url: string | null
  /** Of a video. */
  video_url: string | null
  thumbnail_url: string | null
  duration: number | null
  resolution: string | null
  like_count: number
  liked_by_me: boolean
  featured: boolean
  created_at: Time
  /** Tell viewers. null where it is not known. */
  ai_generated: boolean | null
  provenance: { provider: string | null; model: string | null; created_at: Time; sha256: string | null } | null
}

export type ShowcaseStatus = 'copying' | 'in_review' | 'published' | 'hidden' | 'rejected' | 'taken_down'

export type OwnShowcaseItem = ShowcaseItem & {
  status: ShowcaseStatus
  reason: string | null
  task_id: string | null
  image_id: string | null
  show_prompt: boolean
}

export type ReviewedShowcaseItem = OwnShowcaseItem & {
  author_id: string | null
  featured_position: number | null
  submitted_at: Time
  published_at: Time | null
}

export type StartedOptimization = { optimization_id: string; model: string; prompt_max_length: number }

export type Balance = { balance: number }

export type Credits = { balance: number; active_tasks: number; concurrent_limit: number }

export type Transaction = {
  id: string
  type: EntryType
  amount: number
  balance_before: number
  balance_after: number
  task_id: string | null
  reason: string | null
  created_at: Time
}

export type EntryType =
  | 'video_generation'
  | 'video_refund'
  | 'goodwill_refund'
  | 'debt_repayment'
  | 'purchase'
  | 'purchase_refund'
  | 'signup_bonus'
  | 'admin_grant'
  | 'admin_deduct'
  | 'image_generation'
  | 'image_refund'

/** `error.code` of a refused call. The platform's own codes (42501, PGRST301, ...) come besides. */
export type ErrorCode =
  | 'not_authenticated'
  | 'insufficient_credits'
  | 'not_admin'
  | 'not_in_rollout'
  | 'task_not_found'
  | 'item_not_found'
  | 'image_not_found'
  | 'user_not_found'
  | 'alert_not_found'
  | 'idempotency_conflict'
  | 'illegal_state'
  | 'invalid_parameter'
  | 'prompt_rejected'
  | 'concurrent_limit_exceeded'
  | 'rate_limited'
  | 'generation_disabled'
  | 'model_unavailable'
  | 'spend_cap_reached'

/** Why a task failed. */
export type FailureCode =
  | 'safety_filter'
  | 'prompt_rejected'
  | 'moderation_unavailable'
  | 'invalid_request'
  | 'provider_quota'
  | 'provider_error'
  | 'model_retired'
  | 'timeout'
  | 'download_failed'
  | 'video_expired'
  | 'submission_unknown'
  | 'spend_cap'
  | 'admin_refunded'
  | 'rolled_back'
  | 'user_deleted'

/** `details` of a refused call, which is a string that holds JSON: `JSON.parse(error.details)`. */
export type ErrorDetails = {
  insufficient_credits: { required: number; available: number }
  concurrent_limit_exceeded: { limit: number; active: number; retry_after_seconds: number }
  rate_limited: { retry_after_seconds: number }
  invalid_parameter: { parameter: string; allowed: Json }
  idempotency_conflict: { fields: string[]; task_id?: string }
  illegal_state: { status: TaskStatus | ShowcaseStatus; stage: string | null }
  generation_disabled: { message: string | null; until: Time | null; retry_after_seconds: number }
  model_unavailable: { retry_after_seconds: number }
  spend_cap_reached: { retry_after_seconds: number }
}
