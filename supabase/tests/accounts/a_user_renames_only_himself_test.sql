begin;
select plan(13);

select tests.create_user() as ann \gset
select tests.create_user() as bob \gset

select tests.act_as(:'ann');
select lives_ok(
    format($$update public.profiles set display_name = 'Ann' where id = %L$$, :'ann'), 'Ann names herself'
);
update public.profiles set display_name = 'Not Bob' where id = :'bob';
select is(
    (select string_agg(p.display_name, ',') from public.profiles as p), 'Ann', 'she sees her own profile alone'
);
select throws_matching(
    $$update public.profiles set display_name = ''$$, 'display_name_is_short', 'a name is not empty'
);
select throws_matching(
    format($$update public.profiles set display_name = %L$$, repeat('x', 81)), 'display_name_is_short',
    'nor longer than 80 characters'
);
select lives_ok(
    format($$update public.profiles set display_name = %L$$, repeat('ü', 80)), 'which are characters, not bytes'
);
select lives_ok($$update public.profiles set display_name = null$$, 'a name may be taken back');
select throws_ok(
    format('update public.profiles set id = %L', :'bob'), '42501', null, 'nobody becomes somebody else'
);
select throws_ok('delete from public.profiles', '42501', null, 'or deletes his profile');
select throws_ok(
    format('insert into public.profiles (id) values (%L)', :'ann'), '42501', null, 'or adds one'
);
select tests.stop_acting();
select is(
    (select p.display_name from public.profiles as p where p.id = :'bob'), null, 'Bob has the name he had'
);

select tests.act_as_role('anon');
select throws_ok('select display_name from public.profiles', '42501', null, 'a visitor sees no profile');
select tests.act_as_role('service_role');
select isnt_empty('select * from public.profiles', 'service_role reads profiles');
select throws_ok($$update public.profiles set display_name = 'x'$$, '42501', null, 'and renames nobody');

select finish();
rollback;
