// The fields of every answer, as supabase/types/index.ts has them: the compiler refuses one too few or too many here,
// and the tests compare with what really came.
import assert from 'node:assert/strict'

/**
 * @template Shape
 * @typedef {Record<keyof Shape, true>} Fields
 */

/** @type {Fields<import('../../../supabase/types/index.ts').NewTask>} */
export const newTask = {
  task_id: true,
  status: true,
  credit_cost: true,
  balance: true,
  estimated_seconds: true,
  created_at: true,
}

/** @type {Fields<import('../../../supabase/types/index.ts').VideoStatus>} */
export const videoStatus = {
  task_id: true,
  status: true,
  created_at: true,
  completed_at: true,
  elapsed_seconds: true,
  estimated_remaining_seconds: true,
  is_overdue: true,
  credit_cost: true,
  refunded_credits: true,
  retry_count: true,
  retry_of: true,
  video: true,
  error: true,
}

/** @type {Fields<import('../../../supabase/types/index.ts').VideoFile>} */
export const videoFile = {
  bucket: true,
  path: true,
  thumbnail_path: true,
  duration: true,
  width: true,
  height: true,
  file_size_bytes: true,
}

/** @type {Fields<import('../../../supabase/types/index.ts').ListedVideo>} */
export const listedVideo = {
  ...videoStatus,
  prompt: true,
  negative_prompt: true,
  duration: true,
  resolution: true,
  aspect_ratio: true,
  model: true,
  stars: true,
}

/** @type {Fields<import('../../../supabase/types/index.ts').ShowcaseItem>} */
export const showcaseItem = {
  id: true,
  content_type: true,
  title: true,
  prompt: true,
  author_name: true,
  image_url: true,
  video_url: true,
  thumbnail_url: true,
  duration: true,
  resolution: true,
  like_count: true,
  liked_by_me: true,
  featured: true,
  created_at: true,
  ai_generated: true,
  provenance: true,
}

/** @type {Fields<import('../../../supabase/types/index.ts').OwnShowcaseItem>} */
export const ownShowcaseItem = {
  ...showcaseItem,
  status: true,
  reason: true,
  task_id: true,
  image_id: true,
  show_prompt: true,
}

/** @type {Fields<import('../../../supabase/types/index.ts').ReviewedShowcaseItem>} */
export const reviewedShowcaseItem = {
  ...ownShowcaseItem,
  author_id: true,
  featured_position: true,
  submitted_at: true,
  published_at: true,
}

/** @type {Fields<import('../../../supabase/types/index.ts').Price>} */
export const price = { model: true, duration: true, resolution: true, credit_cost: true }

/** @type {Fields<import('../../../supabase/types/index.ts').Availability>} */
export const availability = {
  enabled: true,
  in_rollout: true,
  message: true,
  until: true,
  prompt_max_length: true,
  concurrent_limit: true,
  models: true,
}

/** @type {Fields<import('../../../supabase/types/index.ts').Model>} */
export const model = {
  id: true,
  display_name: true,
  is_default: true,
  durations: true,
  resolutions: true,
  has_negative_prompt: true,
  has_reference_image: true,
}

/** @type {Fields<import('../../../supabase/types/index.ts').Credits>} */
export const credits = { balance: true, active_tasks: true, concurrent_limit: true }

/** @type {Fields<import('../../../supabase/types/index.ts').Transaction>} */
export const transaction = {
  id: true,
  type: true,
  amount: true,
  balance_before: true,
  balance_after: true,
  task_id: true,
  reason: true,
  created_at: true,
}

/** @type {Fields<import('../../../supabase/types/index.ts').Page<unknown>>} */
export const page = { items: true, next_cursor: true }

/**
 * Fails unless an answer has these fields and no others.
 * @param {object | undefined} answer
 * @param {Record<string, true>} fields
 */
export function assertShape(answer, fields) {
  assert.ok(answer, 'nothing was answered')
  assert.deepEqual(Object.keys(answer).sort(), Object.keys(fields).sort())
}
