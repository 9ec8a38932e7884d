-- The same two checks stand before every page: private.decode_cursor and private.checked_page_size.
begin;
select plan(22);

select tests.create_rich_user(100) as user_id \gset
select tests.act_as(:'user_id');

create function pg_temp.refused(p_cursor text, p_description text) returns text
language sql
as $$
    select is(
        tests.error_of(format('select public.list_videos(cursor => %L)', p_cursor)) - 'message',
        '{"code": "invalid_parameter", "status": 422, "hint": null, "headers": {},
          "details": {"parameter": "cursor", "allowed": "next_cursor of an earlier page"}}'::jsonb,
        p_description
    )
$$;
create function pg_temp.cursor_of(p_text text) returns text
language sql
as $$
    select translate(encode(convert_to(p_text, 'utf8'), 'base64'), E'+/=\n', '-_')
$$;

select pg_temp.refused('', 'an empty one');
select pg_temp.refused('x', 'a letter');
select pg_temp.refused('not a cursor!', 'words');
select pg_temp.refused('🦊', 'a fox');
select pg_temp.refused('____', 'bytes that are no text');
select pg_temp.refused('AAAA', 'zero bytes');
select pg_temp.refused(pg_temp.cursor_of('1'), 'a time without an id');
select pg_temp.refused(pg_temp.cursor_of('x y'), 'two words');
select pg_temp.refused(pg_temp.cursor_of('1 ' || repeat('x', 36)), 'an id that is none');
select pg_temp.refused(pg_temp.cursor_of('now ' || gen_random_uuid()), 'a time that is none');
select pg_temp.refused(pg_temp.cursor_of('9223372036854775807 ' || gen_random_uuid()), 'a time beyond all times');
select pg_temp.refused(pg_temp.cursor_of('9e99 ' || gen_random_uuid()), 'a number that is too large');
select pg_temp.refused(repeat('A', 100001), 'a very long one');

create function pg_temp.size_refused(p_page_size integer) returns text
language sql
as $$
    select is(
        tests.error_of(format('select public.list_videos(page_size => %L)', p_page_size)) - 'message',
        '{"code": "invalid_parameter", "status": 422, "hint": null, "headers": {},
          "details": {"parameter": "page_size", "allowed": {"minimum": 1, "maximum": 100}}}'::jsonb,
        'a page of ' || p_page_size
    )
$$;
select pg_temp.size_refused(0);
select pg_temp.size_refused(-1);
select pg_temp.size_refused(101);
select is(tests.error_of('select public.list_videos(page_size => 1)'), null, 'one is the smallest page');
select is(tests.error_of('select public.list_videos(page_size => 100)'), null, 'a hundred the largest');

-- The ledger's pages.
select tests.throws_code(
    $$select public.list_credit_transactions('not a cursor!')$$, 'invalid_parameter', 'the ledger refuses the same'
);
select tests.throws_code(
    format('select public.list_credit_transactions(%L)', pg_temp.cursor_of('1 ' || gen_random_uuid())),
    'invalid_parameter', 'and a cursor that names no entry'
);
select tests.throws_code(
    'select public.list_credit_transactions(page_size => 101)', 'invalid_parameter', 'and a page of 101'
);

select tests.stop_acting();
select is(
    (
        select c.created_at || ' ' || c.id
        from private.decode_cursor(
            private.encode_cursor('2031-03-05 10:00:00.123456+00', '00000000-0000-4000-8000-000000000001')
        ) as c
    ), '2031-03-05 10:00:00.123456+00 00000000-0000-4000-8000-000000000001', 'a right one is exact to the microsecond'
);

select finish();
rollback;
