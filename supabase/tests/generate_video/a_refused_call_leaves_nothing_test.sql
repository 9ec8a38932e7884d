begin;
select plan(16);

select tests.create_rich_user(100) as user_id \gset
select tests.create_video(:'user_id', 'cancelled') is not null as ignored \gset
select tests.count_rows() as before \gset
select to_jsonb(a) as account from public.credit_accounts as a where a.user_id = :'user_id' \gset

-- The call as this user, refused with the code; then every table is counted and the account compared.
create function pg_temp.leaves_nothing(
    p_user_id text, p_before jsonb, p_account jsonb, p_code text, p_arguments text default $$'a fox'$$
) returns setof text
language plpgsql
as $$
declare
    v_code text;
begin
    perform tests.act_as(p_user_id::uuid);
    v_code := tests.error_of(format('select public.generate_video(%s, idempotency_key => ''k'')', p_arguments)) ->> 'code';
    perform tests.stop_acting();
    return next is(v_code, p_code, p_code);
    return next is(
        jsonb_build_array(
            tests.count_rows(), (select to_jsonb(a) from public.credit_accounts as a where a.user_id = p_user_id::uuid)
        ), jsonb_build_array(p_before, p_account), 'leaves nothing'
    );
end
$$;

select pg_temp.leaves_nothing(:'user_id', :'before', :'account', 'invalid_parameter', $$''$$);
select tests.configure('video_generation_enabled', 'false');
select tests.count_rows() as before \gset
select pg_temp.leaves_nothing(:'user_id', :'before', :'account', 'generation_disabled');
select tests.configure('video_generation_enabled', 'true');
select tests.configure('video_rollout_percent', '0');
select tests.count_rows() as before \gset
select pg_temp.leaves_nothing(:'user_id', :'before', :'account', 'not_in_rollout');
select tests.configure('video_rollout_percent', '100');
select tests.count_rows() as before \gset
select pg_temp.leaves_nothing(:'user_id', :'before', :'account', 'model_unavailable', $$'x', model => 'gemini-omni'$$);
select pg_temp.leaves_nothing(
    :'user_id', :'before', :'account', 'image_not_found', $$'x', reference_image_id => gen_random_uuid()$$
);
select pg_temp.leaves_nothing(:'user_id', :'before', :'account', 'insufficient_credits', $$'x', 8, '1080p'$$);
select tests.configure('video_daily_spend_cap_usd', '0');
select tests.count_rows() as before \gset
select pg_temp.leaves_nothing(:'user_id', :'before', :'account', 'spend_cap_reached');
select tests.configure('video_daily_spend_cap_usd', 'null');
select tests.configure('video_concurrent_limit', '1');
select tests.create_video(:'user_id', 'pending') is not null as ignored \gset
select tests.count_rows() as before \gset
select to_jsonb(a) as account from public.credit_accounts as a where a.user_id = :'user_id' \gset
select pg_temp.leaves_nothing(:'user_id', :'before', :'account', 'concurrent_limit_exceeded');

select finish();
rollback;
