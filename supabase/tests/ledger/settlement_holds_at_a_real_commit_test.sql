-- The keys of settlement are deferred: once, what a bug would write meets a real COMMIT instead of `set constraints`.
-- Both commits fail, as they must (psql prints the two errors), so the file leaves nothing behind.
select plan(5);

begin;
select tests.create_rich_user(100) as user_id \gset
select tests.create_video(:'user_id', 'pending') as task_id \gset
select a.id as account_id from public.credit_accounts as a where a.user_id = :'user_id' \gset
select (private.post_entry(:'account_id', 'video_refund', 80, 'test', :'task_id')).id as refund_id \gset
\set ON_ERROR_STOP off
commit;
\set ON_ERROR_STOP on
select is(:'LAST_ERROR_SQLSTATE'::text, '23503', 'a refund that no task names does not commit');
select matches(:'LAST_ERROR_MESSAGE'::text, 'refund_is_named_by_its_task', 'because of its key');
select is_empty(
    format('select from public.credit_transactions where id = %L', :'refund_id'), 'and leaves no entry'
);

begin;
select tests.create_rich_user(100) as user_id \gset
update public.credit_accounts set balance = 1000000 where user_id = :'user_id';
\set ON_ERROR_STOP off
commit;
\set ON_ERROR_STOP on
select matches(
    :'LAST_ERROR_MESSAGE'::text, 'account_shows_its_last_entry', 'a balance that no entry explains does not commit'
);
select is_empty(format('select from auth.users where id = %L', :'user_id'), 'nor does anything that came with it');

select finish();
