begin;
select plan(11);

select tests.create_rich_user(100) as deleted_user \gset
select tests.create_rich_user(100) as hidden_user \gset
select tests.create_rich_user(100) as who_stays \gset
insert into storage.objects (bucket_id, name, metadata)
values ('reference-images', :'deleted_user' || '/fox.png', '{"mimetype": "image/png", "size": 1000}');
delete from auth.users where id = :'deleted_user';
update auth.users set deleted_at = now() where id = :'hidden_user';
select tests.count_rows() as before \gset

select tests.act_as(:'deleted_user');
select tests.throws_code($$select public.generate_video('a fox')$$, 'not_authenticated', 'after a hard deletion');
select is(tests.error_of($$select public.generate_video('a fox')$$) ->> 'status', '401', 'with status 401');
select tests.throws_code(
    format('select public.record_image(''a fox'', ''reference-images'', %L)', :'deleted_user' || '/fox.png'),
    'not_authenticated', 'his images are recorded no more'
);
select tests.throws_code(
    format('select public.remove_from_showcase(%L)', gen_random_uuid()), 'not_authenticated', 'nor are they shown'
);
select is(public.get_credits() ->> 'balance', '0', 'he has nothing');
select is(public.list_videos() -> 'items', '[]'::jsonb, 'and sees nothing');
select tests.act_as(:'hidden_user');
select tests.throws_code($$select public.generate_video('a fox')$$, 'not_authenticated', 'after a soft deletion');
select is(public.get_credits() ->> 'balance', '0', 'he has nothing either');
select tests.act_as('00000000-0000-0000-0000-000000000000');
select tests.throws_code($$select public.generate_video('a fox')$$, 'not_authenticated', 'a user there never was');
select tests.stop_acting();
select is(tests.count_rows(), :'before'::jsonb, 'no row is left by any of them');
select is_empty('select * from private.audit_ledger()', 'the books are clean');

select finish();
rollback;
