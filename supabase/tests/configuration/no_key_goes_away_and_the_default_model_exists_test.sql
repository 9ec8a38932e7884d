-- Without a key its setting would be null, and a limit that is null limits nothing; without its default model no order
-- that names none could be taken.
begin;
select plan(7);

select throws_ok(
    $$delete from public.system_configs where key = 'video_concurrent_limit'$$, '23001',
    'the configuration key video_concurrent_limit cannot be taken away', 'not even its owner deletes a key'
);
select throws_ok(
    $$update public.system_configs set key = 'limit' where key = 'video_concurrent_limit'$$, '23001', null,
    'or renames it'
);
select throws_ok(
    $$update public.system_configs set value_type = null, value = '4' where key = 'video_concurrent_limit'$$, '23001',
    null, 'or makes it the host application''s'
);
insert into public.system_configs (key, value) values ('their_key', '1');
select lives_ok($$delete from public.system_configs where key = 'their_key'$$, 'keys that are not ours come and go');

select throws_ok(
    $$update public.system_configs set value = '"veo-9"' where key = 'video_default_model'$$, '23514',
    'there is no model "veo-9"', 'a default model that there is not is refused'
);
select lives_ok(
    $$update public.system_configs set value = '"veo-3.1-fast"' where key = 'video_default_model'$$,
    'another one is not'
);
select is(
    (select s.default_model from private.settings as s), 'veo-3.1-fast', 'and counts'
);

select finish();
rollback;
