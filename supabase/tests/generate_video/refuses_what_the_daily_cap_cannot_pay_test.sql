begin;
select plan(9);

select tests.set_time('2031-03-05 10:00:00+00');
select tests.create_rich_user(1000) as user_id \gset
select tests.configure('video_concurrent_limit', '100');
-- Eight seconds at 0.75 USD cost 6 USD.
insert into private.daily_spend (day, usd) values ('2031-03-04', 500), ('2031-03-05', 94.00), ('2031-03-06', 500);

create function pg_temp.refusal(p_user_id text, p_duration integer default 8) returns jsonb
language plpgsql
as $$
declare
    v_error jsonb;
begin
    perform tests.act_as(p_user_id::uuid);
    v_error := tests.error_of(format('select public.generate_video(''a fox'', %L)', p_duration));
    perform tests.stop_acting();
    return v_error - 'message';
end
$$;

select is(pg_temp.refusal(:'user_id'), null, 'without a cap nothing is refused');
select tests.configure('video_daily_spend_cap_usd', '100');
select is(pg_temp.refusal(:'user_id'), null, 'up to the cap, to the cent, nothing is refused');
select tests.configure('video_daily_spend_cap_usd', '99.99');
select is(
    pg_temp.refusal(:'user_id'),
    '{"code": "spend_cap_reached", "hint": null, "status": 503, "headers": {"Retry-After": "50400"},
      "details": {"retry_after_seconds": 50400}}'::jsonb,
    'a cent above is refused until the next UTC day'
);
select is(pg_temp.refusal(:'user_id', 6), null, 'a cheaper one still fits');
select is(
    (select d.usd from private.daily_spend as d where d.day = '2031-03-05'), 94.00,
    'an order books nothing: that happens before the paid call'
);
select tests.configure('video_daily_spend_cap_usd', '0');
select is(pg_temp.refusal(:'user_id') ->> 'code', 'spend_cap_reached', 'a cap of zero takes no order');

select tests.set_time('2031-03-07 00:00:00+00');
select tests.configure('video_daily_spend_cap_usd', '6');
select is(pg_temp.refusal(:'user_id'), null, 'a new day begins with nothing spent');
select tests.set_time('2031-03-06 23:59:59.5+00');
select is(
    pg_temp.refusal(:'user_id') -> 'headers', '{"Retry-After": "1"}', 'and is counted to in whole seconds'
);
set local timezone = 'Pacific/Kiritimati';
select is(
    pg_temp.refusal(:'user_id') -> 'headers', '{"Retry-After": "1"}', 'the day is UTC''s, whatever zone a session has'
);

select finish();
rollback;
