-- Everything is wrong at once; each step puts one thing right, in the order of the contract.
begin;
select plan(10);

select tests.configure('signup_bonus_credits', '0');
select tests.create_user() as user_id \gset
select tests.configure('video_generation_enabled', 'false');
select tests.configure('video_rollout_percent', '0');
select tests.configure('video_concurrent_limit', '1');
select tests.configure('video_daily_spend_cap_usd', '0');
update public.video_models set is_enabled = false;

create function pg_temp.next(p_user_id text, p_prompt text default 'x', p_path text default null) returns text
language plpgsql
as $$
declare
    v_code text;
begin
    perform tests.act_as(p_user_id::uuid);
    v_code := coalesce(
        tests.error_of(format('select public.generate_video(%L, reference_image_path => %L)', p_prompt, p_path))
            ->> 'code', 'taken'
    );
    perform tests.stop_acting();
    return v_code;
end
$$;

select is(pg_temp.next(gen_random_uuid()::text, '', 'no'), 'invalid_parameter', 'parameters first, for anybody');
select is(pg_temp.next(:'user_id', 'x', 'no'), 'generation_disabled', 'then the switch');
select tests.configure('video_generation_enabled', 'true');
select is(pg_temp.next(:'user_id', 'x', 'no'), 'not_in_rollout', 'then the rollout');
select tests.configure('video_rollout_percent', '100');
select is(pg_temp.next(:'user_id', 'x', 'no'), 'model_unavailable', 'then the model');
update public.video_models set is_enabled = true where id = 'veo-3.1';
select is(pg_temp.next(:'user_id', 'x', 'no'), 'image_not_found', 'then the reference image');

select public.admin_grant_credits(:'user_id', 80, 'test') is not null as ignored \gset
select tests.configure('video_daily_spend_cap_usd', 'null');
select is(pg_temp.next(:'user_id'), 'taken', 'one task takes the only slot and all the credits');
select tests.configure('video_daily_spend_cap_usd', '0');

select is(pg_temp.next(:'user_id'), 'concurrent_limit_exceeded', 'then concurrency');
select tests.configure('video_concurrent_limit', '2');
select is(pg_temp.next(:'user_id'), 'insufficient_credits', 'then the balance');
select public.admin_grant_credits(:'user_id', 80, 'test') is not null as ignored \gset
select is(pg_temp.next(:'user_id'), 'spend_cap_reached', 'the spend cap comes last');
select tests.configure('video_daily_spend_cap_usd', '1000');
select is(pg_temp.next(:'user_id'), 'taken', 'and then it is taken');

select finish();
rollback;
