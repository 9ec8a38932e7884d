begin;
select plan(14);

select tests.act_as_role('service_role');
select isnt_empty('select key, value from public.system_configs', 'service_role reads the configuration');
select lives_ok(
    $$update public.system_configs set value = '4' where key = 'video_concurrent_limit'$$, 'and changes a value'
);
select lives_ok(
    $$update public.system_configs set value = '"2031-02-28T12:00:00Z"' where key = 'video_disabled_until'$$,
    'of any type'
);
select throws_ok(
    $$update public.system_configs set maximum = 9999 where key = 'video_concurrent_limit'$$, '42501', null,
    'but no range'
);
select throws_ok(
    $$update public.system_configs set key = 'x' where key = 'video_concurrent_limit'$$, '42501', null, 'and no key'
);
select throws_ok($$delete from public.system_configs$$, '42501', null, 'it deletes none');
select throws_ok(
    $$insert into public.system_configs (key, value, value_type, description) values ('x', '1', 'number', 'x')$$,
    '42501', null, 'and adds none'
);
select throws_ok($$truncate public.system_configs$$, '42501', null, 'nor truncates');

select tests.stop_acting();
select tests.create_user() as user_id \gset
select tests.act_as(:'user_id');
select throws_ok('select * from public.system_configs', '42501', null, 'a user cannot read the configuration');
select throws_ok(
    $$update public.system_configs set value = '4' where key = 'video_concurrent_limit'$$, '42501', null,
    'nor change it'
);
select throws_ok('select * from private.settings', '42501', null, 'nor see it as a row');

select tests.act_as_role('anon');
select throws_ok('select * from public.system_configs', '42501', null, 'a visitor cannot read the configuration');

select is(
    tests.error_of_worker('select * from public.system_configs') ->> 'sqlstate', '42501',
    'the worker cannot read the table'
);
select is(
    tests.error_of_worker('select * from private.settings') ->> 'sqlstate', '42501', 'nor the view'
);

select finish();
rollback;
