-- PostgREST runs stable functions, and every GET, in a read-only transaction: also their errors must come through.
begin;
select plan(17);

select tests.create_rich_user(1000) as user_id \gset
select tests.create_video(:'user_id', 'completed') as task_id \gset
select tests.create_user() as no_account \gset
delete from public.credit_accounts where user_id = :'no_account';

create function pg_temp.outcome(p_sql text) returns text
language sql
as $$
    select coalesce(tests.error_of(p_sql) ->> 'code', tests.error_of(p_sql) ->> 'message', 'answered')
$$;
grant execute on function pg_temp.outcome(text) to public;

select set_config('transaction_read_only', 'on', true) as ignored \gset
select throws_ok('delete from public.profiles', '25006', null, 'nothing can be written from here on');
select tests.act_as(:'user_id');
select is(pg_temp.outcome(format('select public.get_video_status(%L)', :'task_id')), 'answered', 'get_video_status');
select is(pg_temp.outcome('select public.get_video_status(gen_random_uuid())'), 'task_not_found', 'its error');
select is(pg_temp.outcome('select public.list_videos()'), 'answered', 'list_videos');
select is(pg_temp.outcome($$select public.list_videos(cursor => 'x')$$), 'invalid_parameter', 'its error');
select is(pg_temp.outcome('select public.list_credit_transactions()'), 'answered', 'list_credit_transactions');
select is(pg_temp.outcome('select public.get_credits()'), 'answered', 'get_credits');
select is(pg_temp.outcome('select * from public.videos'), 'answered', 'the view');
select tests.act_as(:'no_account');
select is(pg_temp.outcome('select public.get_credits()'), 'answered', 'get_credits without an account');
select is(pg_temp.outcome('select public.list_credit_transactions()'), 'answered', 'nor any history');
select tests.act_as(:'user_id');
select is(pg_temp.outcome('select public.list_my_showcase()'), 'answered', 'list_my_showcase');
select tests.act_as_role('anon');
select is(pg_temp.outcome('select public.list_showcase()'), 'answered', 'list_showcase');
select is(pg_temp.outcome($$select public.list_showcase('x')$$), 'invalid_parameter', 'its error');
select is(pg_temp.outcome('select public.quote_video()'), 'answered', 'quote_video');
select is(pg_temp.outcome('select public.quote_video(5)'), 'invalid_parameter', 'its error');
select is(pg_temp.outcome('select public.list_video_prices()'), 'answered', 'list_video_prices');
select is(pg_temp.outcome('select public.get_video_availability()'), 'answered', 'get_video_availability');

select finish();
rollback;
