begin;
select plan(10);

select tests.set_time('2031-03-05 10:00:00+00');
delete from private.system_config_changes;
create view pg_temp.changes as
select jsonb_agg(jsonb_build_array(c.key, c.old_value, c.new_value, c.changed_by, c.reason) order by c.id) as list
from private.system_config_changes as c;

update public.system_configs set value = '4' where key = 'video_concurrent_limit';
select is(
    (select c.list from pg_temp.changes as c),
    format('[["video_concurrent_limit", 3, 4, "role:%s", null]]', session_user)::jsonb,
    'a change in a database session is signed by its role'
);
select is(
    (select c.updated_at || ' ' || c.updated_by from public.system_configs as c where c.key = 'video_concurrent_limit'),
    format('2031-03-05 10:00:00+00 role:%s', session_user),
    'and stamped on the row'
);

update public.system_configs set value = '4', description = 'Other words.' where key = 'video_concurrent_limit';
select is((select count(*) from private.system_config_changes), 1::bigint, 'writing the same value is no change');

delete from private.system_config_changes;
select tests.act_as_role('service_role');
update public.system_configs set value = '5' where key = 'video_concurrent_limit';
select tests.stop_acting();
select is(
    (select c.list from pg_temp.changes as c),
    '[["video_concurrent_limit", 4, 5, "role:service_role", null]]'::jsonb,
    'a change through the API is signed by the role of its token'
);

delete from private.system_config_changes;
select set_config('reelbase.actor', 'admin:7', true), set_config('reelbase.reason', 'Black Friday', true) \gset ignored_
update public.system_configs set value = '6' where key = 'video_concurrent_limit';
select is(
    (select c.list from pg_temp.changes as c),
    '[["video_concurrent_limit", 5, 6, "admin:7", "Black Friday"]]'::jsonb,
    'an administrator''s change keeps his id and his reason'
);

delete from private.system_config_changes;
insert into public.system_configs (key, value, value_type, description, updated_by)
values ('test_key', '"a"', 'text', 'A key of this test.', 'somebody else');
select is(
    (select c.list from pg_temp.changes as c),
    '[["test_key", null, "a", "admin:7", "Black Friday"]]'::jsonb, 'a new key is a change too'
);

delete from private.system_config_changes;
select throws_matching(
    $$update public.system_configs set value = '0' where key = 'video_concurrent_limit'$$,
    'config_value_fits', 'a refused change'
);
select is((select count(*) from private.system_config_changes), 0::bigint, 'leaves no history');

select tests.act_as_role('service_role');
select throws_ok($$select * from private.system_config_changes$$, '42501', null, 'the history is not for clients');
select throws_ok(
    $$update public.system_configs set updated_by = 'me' where key = 'video_concurrent_limit'$$, '42501', null,
    'nobody signs for somebody else'
);

select finish();
rollback;
