-- Why a task fails, and what its owner is told: what happened, what to do next, and that the credits are back.
--
-- is_charged says whether the provider may have been paid: the day's spend is given back where surely not.
create table private.failure_codes (
    code text primary key,
    message text not null,
    is_charged boolean not null,
    is_from_worker boolean not null,
    constraint failure_code_is_snake_case check (code ~ '^[a-z][a-z_]+$')
);

comment on table private.failure_codes is 'Why a task fails and what its owner is told.';
comment on column private.failure_codes.is_from_worker is 'Whether a worker may give this verdict.';
alter table private.failure_codes enable row level security;
revoke all on table private.failure_codes from public, anon, authenticated, service_role;

insert into private.failure_codes (code, is_charged, is_from_worker, message) values
(
    'safety_filter', false, true,
    'The safety filter stopped this video. Change the wording or the image and try again. Your credits are back.'
),
(
    'prompt_rejected', false, true,
    'This prompt breaks the content rules. Please write another one. Your credits are back.'
),
(
    'moderation_unavailable', false, true,
    'The prompt could not be checked just now. Please try again in a few minutes. Your credits are back.'
),
(
    'invalid_request', false, true,
    'The video model could not use this request. Change the prompt or the image and try again. Your credits are back.'
),
(
    'provider_quota', false, true,
    'The video service is very busy. Please try again later. Your credits are back.'
),
(
    'provider_error', false, true,
    'The video service failed to make this video. Please try again. Your credits are back.'
),
(
    'model_retired', false, true,
    'This video model is no longer offered. Please choose another one. Your credits are back.'
),
(
    'timeout', true, false,
    'The video took too long and was stopped. Please try again. Your credits are back.'
),
(
    'download_failed', true, true,
    'The finished video could not be saved. Please try again or contact support. Your credits are back.'
),
(
    'video_expired', true, true,
    'The finished video expired before it could be saved. Please try again. Your credits are back.'
),
(
    'submission_unknown', true, false,
    'We could not confirm that the video service took this request. Please try again. Your credits are back.'
),
(
    'spend_cap', false, false,
    'Today''s capacity for new videos is used up. Please try again tomorrow. Your credits are back.'
),
(
    'admin_refunded', true, false,
    'Support ended this video. Your credits are back.'
),
(
    'rolled_back', true, false,
    'Video generation was stopped for maintenance. Please try again later. Your credits are back.'
),
(
    'user_deleted', true, false,
    'The account was deleted while the video was being made. The credits went back to the account.'
);
