-- PostgREST answers 500 unless `details` is a string and the second part has `headers`: the shape is asserted raw.
begin;
select plan(9);

create function pg_temp.raised(p_sql text, out message jsonb, out detail jsonb, out state text)
language plpgsql
as $$
declare
    v_message text;
    v_detail text;
begin
    execute p_sql;
exception
    when others then
        get stacked diagnostics v_message = message_text, v_detail = pg_exception_detail, state = returned_sqlstate;
        message := v_message;
        detail := v_detail;
end
$$;

select is(
    r.state || ' ' || r.message || ' ' || r.detail,
    'PGRST {"code": "task_not_found", "hint": null, "details": "{}", "message": "No."} {"status": 404, "headers": {}}',
    'an error without details has an empty object as a string, and empty headers'
)
from pg_temp.raised($$select private.raise_error('task_not_found', 'No.')$$) as r;

select is(
    r.message,
    '{"code": "illegal_state", "message": "No.", "details": "{\"stage\": \"poll\"}", "hint": "Wait."}'::jsonb,
    'details are a string that holds JSON, a hint goes along'
)
from pg_temp.raised(
    $$select private.raise_error('illegal_state', 'No.', '{"stage": "poll"}', 'Wait.')$$
) as r;

select is(
    r.detail, '{"status": 503, "headers": {"Retry-After": "12"}}'::jsonb,
    'retry_after_seconds is repeated as the header Retry-After, a string'
)
from pg_temp.raised(
    $$select private.raise_error('spend_cap_reached', 'No.', '{"retry_after_seconds": 12}')$$
) as r;

select is_empty(
    $$
    select e.code, e.http_status, r.detail
    from private.error_codes as e
    cross join lateral pg_temp.raised(format('select private.raise_error(%L, ''No.'')', e.code)) as r
    where r.state <> 'PGRST' or r.message ->> 'code' <> e.code or (r.detail -> 'status')::integer <> e.http_status
    $$,
    'every published code is raised with its own status'
);

select is(
    (select jsonb_object_agg(e.code, e.http_status) from private.error_codes as e),
    '{
        "not_authenticated": 401, "insufficient_credits": 402, "not_admin": 403, "not_in_rollout": 403,
        "task_not_found": 404, "item_not_found": 404, "image_not_found": 404, "user_not_found": 404, "alert_not_found": 404,
        "idempotency_conflict": 409, "illegal_state": 409, "invalid_parameter": 422, "prompt_rejected": 422,
        "concurrent_limit_exceeded": 429, "rate_limited": 429,
        "generation_disabled": 503, "model_unavailable": 503, "spend_cap_reached": 503
    }'::jsonb,
    'the published codes and their statuses are these'
);

select throws_ok(
    $$select private.raise_error('no_such_code', 'No.')$$, 'P0002', null,
    'a code that is not published cannot be raised'
);

select throws_matching(
    $$insert into private.error_codes values ('NotSnake', 400, 'x')$$, 'error_code_is_snake_case',
    'a code is snake case'
);
select throws_matching(
    $$insert into private.error_codes values ('fine', 200, 'x')$$, 'error_status_is_an_http_error',
    'a status is one of an error'
);

-- Statement by statement of every function: a typing error in a rare branch is found without running it.
select is_empty(
    $$
    select p.oid::regprocedure, m.code[1]
    from pg_catalog.pg_proc as p
    cross join lateral regexp_matches(p.prosrc, 'raise_error\(\s*''([a-z_]+)''', 'g') as m (code)
    where p.pronamespace in ('private'::regnamespace, 'public'::regnamespace, 'worker_api'::regnamespace)
        and not exists (select from private.error_codes as e where e.code = m.code[1])
    $$,
    'every code that a function raises is published'
);

select finish();
rollback;
