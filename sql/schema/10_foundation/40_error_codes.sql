-- Every error a caller of a public function can meet, with its HTTP status.
--
-- `private.raise_error` refuses a code that is not here, so this table, the reference docs and the code cannot
-- drift apart. Reasons for which a task fails are in private.failure_codes.
create table private.error_codes (
    code text primary key,
    http_status integer not null,
    meaning text not null,
    constraint error_code_is_snake_case check (code ~ '^[a-z][a-z_]+$'),
    constraint error_status_is_an_http_error check (http_status between 400 and 599)
);

comment on table private.error_codes is 'Every error of the public functions: code, HTTP status, meaning.';
alter table private.error_codes enable row level security;
revoke all on table private.error_codes from public, anon, authenticated, service_role;

insert into private.error_codes (code, http_status, meaning) values
('not_authenticated', 401, 'The caller has no user id: sign in first.'),
('insufficient_credits', 402, 'The balance is below the price. details: {required, available}.'),
('not_admin', 403, 'Only an administrator may call this.'),
('not_in_rollout', 403, 'Video generation is not open for this user yet.'),
('task_not_found', 404, 'There is no such task, or it is somebody else''s.'),
('item_not_found', 404, 'There is no such showcase item, or it is not visible.'),
('image_not_found', 404, 'There is no such image, or it is somebody else''s.'),
('user_not_found', 404, 'There is no such user.'),
('alert_not_found', 404, 'There is no such alert.'),
('idempotency_conflict', 409, 'The key was used with other parameters. details: {fields}.'),
('illegal_state', 409, 'The task is not in a state that allows this. details: {status, stage}.'),
('invalid_parameter', 422, 'A parameter is missing or out of range. details: {parameter, allowed}.'),
('prompt_rejected', 422, 'The prompt breaks the rules of the platform.'),
('concurrent_limit_exceeded', 429, 'Too many tasks are running. details: {limit, active, retry_after_seconds}.'),
('rate_limited', 429, 'Too many calls. details: {retry_after_seconds}.'),
('generation_disabled', 503, 'Generation is switched off. details: {message, until, retry_after_seconds}.'),
('model_unavailable', 503, 'The model is not offered at the moment. details: {retry_after_seconds}.'),
('spend_cap_reached', 503, 'The budget of the day is used up. details: {retry_after_seconds}.');

-- Raises an error that PostgREST turns into {code, message, details, hint} with the HTTP status of the code.
-- `details` is a string that holds JSON: PostgREST answers 500 to an object. 429 and 503 also get a Retry-After
-- header from details.retry_after_seconds.
create function private.raise_error(
    p_code text,
    p_message text,
    p_details jsonb default '{}',
    p_hint text default null
) returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
    v_status integer;
    v_headers jsonb := '{}'::jsonb;
begin
    select e.http_status into strict v_status from private.error_codes as e where e.code = p_code;

    if p_details ? 'retry_after_seconds' then
        v_headers := jsonb_build_object('Retry-After', p_details ->> 'retry_after_seconds');
    end if;

    raise sqlstate 'PGRST' using
        message = jsonb_build_object(
            'code', p_code, 'message', p_message, 'details', p_details::text, 'hint', p_hint
        )::text,
        detail = jsonb_build_object('status', v_status, 'headers', v_headers)::text;
end
$$;

comment on function private.raise_error(text, text, jsonb, text) is
'Raises an error of private.error_codes in the form PostgREST turns into an HTTP answer. Never returns.';
revoke all on function private.raise_error(text, text, jsonb, text) from public, anon, authenticated, service_role;
