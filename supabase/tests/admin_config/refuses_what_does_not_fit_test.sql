begin;
select plan(17);

select tests.create_user(p_app_metadata => '{"role": "admin"}') as admin_id \gset
insert into public.system_configs (key, value) values ('host_key', '1');
select tests.count_rows() as rows_before \gset

create function pg_temp.refusal(p_key text, p_value jsonb, p_reason text default 'test') returns jsonb
language sql
as $$
    select coalesce(
        tests.error_of(format('select public.admin_set_config(%L, %L, %L)', p_key, p_value, p_reason)) -> 'details',
        '"taken"'
    )
$$;
grant execute on function pg_temp.refusal(text, jsonb, text) to public;

select tests.act_as(:'admin_id');
select is(
    pg_temp.refusal('video_concurrent_limit', '0'),
    '{"parameter": "value",
      "allowed": {"type": "integer", "minimum": 1, "maximum": 1000, "is_nullable": false}}'::jsonb,
    'a value out of range is told the range'
);
select is(
    tests.error_of($$select public.admin_set_config('video_concurrent_limit', '0', 'test')$$) ->> 'code',
    'invalid_parameter', 'by its code'
);
select is(pg_temp.refusal('video_concurrent_limit', '2.5') ->> 'parameter', 'value', 'half a task');
select is(pg_temp.refusal('video_concurrent_limit', '"3"') ->> 'parameter', 'value', 'a text for a number');
select is(pg_temp.refusal('video_concurrent_limit', null) ->> 'parameter', 'value', 'nothing for a number');
select is(
    pg_temp.refusal('video_generation_enabled', '"yes"') -> 'allowed',
    '{"type": "boolean", "is_nullable": false}'::jsonb,
    'a word for a switch'
);
select is(pg_temp.refusal('video_disabled_until', '"2031-02-30T00:00:00Z"') ->> 'parameter', 'value', 'no such day');
select is(
    pg_temp.refusal('video_default_model', '"veo-9"'),
    '{"parameter": "value", "allowed": ["gemini-omni", "veo-3.1", "veo-3.1-fast"]}'::jsonb,
    'a model that is not in the catalogue'
);
select is(pg_temp.refusal('video_default_model', '[]') ->> 'parameter', 'value', 'nor anything else that is no model');
select is(pg_temp.refusal('host_key', '2') ->> 'parameter', 'key', 'a key of the host application');
select is(
    pg_temp.refusal('host_key', '2') -> 'allowed' @> '["video_concurrent_limit"]'
    and not pg_temp.refusal('host_key', '2') -> 'allowed' @> '["host_key"]',
    true, 'is told ours, and not its own'
);
select is(pg_temp.refusal(null, '2') ->> 'parameter', 'key', 'no key');
select is(
    pg_temp.refusal('video_concurrent_limit', '4', ' '),
    '{"parameter": "reason", "allowed": {"min_length": 1, "max_length": 500}}'::jsonb, 'a blank reason'
);
select is(pg_temp.refusal('video_concurrent_limit', '4', null) ->> 'parameter', 'reason', 'no reason');
select tests.throws_code(
    $$select public.admin_list_config_changes(cursor => 'x')$$, 'invalid_parameter', 'a bad cursor'
);
select tests.throws_code(
    $$select public.admin_list_config_changes(page_size => 101)$$, 'invalid_parameter', 'a page too long'
);

select tests.stop_acting();
select is(tests.count_rows(), :'rows_before'::jsonb, 'a refused change leaves nothing');

select finish();
rollback;
