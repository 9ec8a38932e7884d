begin;
select plan(12);

select tests.create_rich_user(200) as user_id \gset
select tests.create_video(:'user_id', 'completed') as done \gset
select tests.create_video(:'user_id', 'pending') as running \gset
select a.id as account_id from public.credit_accounts as a where a.user_id = :'user_id' \gset
insert into public.image_generation_history (user_id, prompt, bucket, path)
values (:'user_id', 'me on a horse', 'reference-images', :'user_id' || '/horse.png');
insert into storage.objects (bucket_id, name) values ('reference-images', :'user_id' || '/horse.png');

select lives_ok(format('delete from auth.users where id = %L', :'user_id'), 'a user who generates can be deleted');
set constraints all immediate;

select is(
    (select jsonb_build_array(a.user_id, a.balance, a.last_entry_no) from public.credit_accounts as a
        where a.id = :'account_id'),
    '[null, 120, 4]'::jsonb, 'his account stays without him, and what he had running is given back to it'
);
select is(
    (select array_agg(t.type order by t.entry_no) from public.credit_transactions as t
        where t.account_id = :'account_id'),
    '{admin_grant,video_generation,video_generation,video_refund}'::text[], 'the ledger stays whole'
);
select is(
    (select h.status || ' ' || h.error_code from public.video_generation_history as h where h.id = :'running'),
    'failed user_deleted', 'the running task has ended'
);
select is_empty(
    format(
        $$
        select h.id
        from public.video_generation_history as h
        where h.account_id = %L
            and (num_nonnulls(h.user_id, h.prompt, h.permanent_video_url, h.thumbnail_url) > 0
                or h.request <> '{}' or h.deleted_at is null)
        $$, :'account_id'
    ),
    'what is personal is blank'
);
select is_empty(
    $$select from public.image_generation_history where prompt = 'me on a horse'$$, 'also of his images'
);
select is(
    (select count(*) from private.file_jobs as f where f.path like :'user_id' || '/%'), 2::bigint,
    'his video and his image are queued for deletion'
);
select is_empty(format('select from public.profiles where id = %L', :'user_id'), 'his profile is gone');

-- A user whom sign-up could not make an account for may have images and files all the same.
select tests.create_user() as no_account \gset
delete from public.credit_accounts where user_id = :'no_account';
insert into public.image_generation_history (user_id, prompt, bucket, path)
values (:'no_account', 'me on a cow', 'reference-images', :'no_account' || '/cow.png');
insert into storage.objects (bucket_id, name) values ('reference-images', :'no_account' || '/cow.png');
select lives_ok(
    format('update auth.users set deleted_at = now() where id = %L', :'no_account'),
    'a user without an account can be deleted softly'
);
select is_empty(
    $$select from public.image_generation_history where prompt = 'me on a cow'$$, 'his images are blank'
);
select is(
    (select count(*) from private.file_jobs as f where f.path like :'no_account' || '/%'), 1::bigint,
    'and his files queued'
);
select is_empty('select * from private.audit_ledger()', 'the books are clean');

select finish();
rollback;
