begin;
select plan(7);

select tests.create_rich_user(79) as user_id \gset

select tests.act_as(:'user_id');
select is(
    tests.error_of($$select public.generate_video('a fox')$$) - 'message',
    '{"code": "insufficient_credits", "hint": null, "status": 402, "headers": {},
      "details": {"required": 80, "available": 79}}'::jsonb,
    'one credit short'
);
select is(
    tests.error_of($$select public.generate_video('a fox', 8, '1080p')$$) #>> '{details,required}', '120',
    'what is required is the price of what was asked'
);
select is((public.generate_video('a fox', 6) ->> 'balance')::integer, 19, 'a cheaper one can be paid');
select tests.stop_acting();

select public.admin_grant_credits(:'user_id', 61, 'test') is not null as ignored \gset
select tests.act_as(:'user_id');
select is((public.generate_video('a fox') ->> 'balance')::integer, 0, 'the last credit can be spent');
select is(
    tests.error_of($$select public.generate_video('a fox')$$) #>> '{details,available}', '0', 'and then no more'
);
select tests.stop_acting();

select tests.create_user() as poor_user \gset
delete from public.credit_accounts where user_id = :'poor_user';
select tests.act_as(:'poor_user');
select is(
    tests.error_of($$select public.generate_video('a fox')$$) -> 'details', '{"required": 80, "available": 0}',
    'a user whose account is missing has nothing, and is told so'
);
select tests.stop_acting();
select is(tests.balance_of(:'poor_user'), null, 'a refused call makes no account');

select finish();
rollback;
