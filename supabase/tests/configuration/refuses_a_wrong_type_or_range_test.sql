-- Whatever is accepted here is cast by private.settings in every call: a value that cannot be cast stops the product.
begin;
select plan(44);

create function pg_temp.refused(p_key text, p_value jsonb) returns text
language sql
as $$
    select throws_matching(
        format('update public.system_configs set value = %L where key = %L', p_value, p_key),
        'config_value_fits_type_and_range', format('%s = %s is refused', p_key, p_value)
    )
$$;

create function pg_temp.accepted(p_key text, p_value jsonb) returns text
language sql
as $$
    select lives_ok(
        format(
            $sql$
            do $do$
            begin
                update public.system_configs set value = %L where key = %L;
                perform s.* from private.settings as s;
            end
            $do$
            $sql$, p_value, p_key
        ),
        format('%s = %s is accepted, and can be read', p_key, p_value)
    )
$$;

-- integer
select pg_temp.refused('video_concurrent_limit', '0');
select pg_temp.refused('video_concurrent_limit', '1001');
select pg_temp.refused('video_concurrent_limit', '2.5');
select pg_temp.refused('video_concurrent_limit', '3.0');
select pg_temp.refused('video_concurrent_limit', '"3"');
select pg_temp.refused('video_concurrent_limit', 'true');
select pg_temp.refused('video_concurrent_limit', 'null');
select pg_temp.refused('video_concurrent_limit', '[3]');
select pg_temp.accepted('video_concurrent_limit', '1');
select pg_temp.accepted('video_concurrent_limit', '1000');
select pg_temp.refused('video_lease_seconds', '61');
select pg_temp.refused('video_batch_size', '51');
select pg_temp.refused('video_generation_deadline_seconds', '360');
select pg_temp.accepted('video_generation_deadline_seconds', '361');
select pg_temp.refused('video_rollout_percent', '101');
select pg_temp.refused('video_rollout_percent', '-1');
select pg_temp.accepted('video_rollout_percent', '0');

-- number
select pg_temp.refused('video_credit_per_second', '0');
select pg_temp.refused('video_credit_per_second', '-1');
select pg_temp.refused('video_credit_per_second', '"10"');
select pg_temp.accepted('video_credit_per_second', '12.5');
select pg_temp.accepted('video_1080p_multiplier', '2.0');
select pg_temp.refused('video_1080p_multiplier', '0.99');
select pg_temp.accepted('video_daily_spend_cap_usd', '0');
select pg_temp.accepted('video_daily_spend_cap_usd', 'null');
select pg_temp.refused('video_daily_spend_cap_usd', '-0.01');

-- boolean
select pg_temp.refused('video_generation_enabled', '"false"');
select pg_temp.refused('video_generation_enabled', '0');
select pg_temp.refused('video_generation_enabled', 'null');
select pg_temp.accepted('video_generation_enabled', 'false');

-- text
select pg_temp.refused('video_default_model', '1');
select pg_temp.refused('video_default_model', 'null');
select pg_temp.accepted('video_disabled_message', 'null');
select pg_temp.accepted('video_disabled_message', '"Back at noon."');

-- timestamp
select pg_temp.accepted('video_disabled_until', '"2031-02-28T12:00:00Z"');
select pg_temp.accepted('video_disabled_until', '"2032-02-29T12:00:00.123456+05:30"');
select pg_temp.refused('video_disabled_until', '"2031-02-29T12:00:00Z"');
select pg_temp.refused('video_disabled_until', '"2031-13-01T12:00:00Z"');
select pg_temp.refused('video_disabled_until', '"2031-02-28T24:30:00Z"');
select pg_temp.refused('video_disabled_until', '"2031-02-28T12:00:00"');
select pg_temp.refused('video_disabled_until', '"2031-02-28T12:00:00+99:00"');
select pg_temp.refused('video_disabled_until', '"tomorrow"');

-- An adopted table may allow what ours does not; a setting of ours is never missing.
alter table public.system_configs alter column value drop not null;
select tests.violates(
    $$update public.system_configs set value = null where key = 'video_concurrent_limit'$$,
    'config_value_fits_type_and_range', 'an SQL null'
);
select throws_matching(
    $$insert into public.system_configs (key, value, value_type, description) values ('x', '1', 'money', 'x')$$,
    'config_type_is_known', 'an unknown type is refused'
);

select finish();
rollback;
