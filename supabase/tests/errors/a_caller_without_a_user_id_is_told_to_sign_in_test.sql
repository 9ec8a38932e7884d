-- A role that may execute, and a token without `sub`: the gateway's own tokens, or one of a third party.
begin;
select plan(12);

select tests.act_as_role('authenticated');

select tests.throws_code($$select public.generate_video('a fox')$$, 'not_authenticated', 'generate_video');
select tests.throws_code(
    $$select public.get_video_status('00000000-0000-0000-0000-000000000000')$$, 'not_authenticated', 'get_video_status'
);
select tests.throws_code($$select public.list_videos()$$, 'not_authenticated', 'list_videos');
select tests.throws_code(
    $$select public.cancel_video('00000000-0000-0000-0000-000000000000')$$, 'not_authenticated', 'cancel_video'
);
select tests.throws_code($$select public.get_credits()$$, 'not_authenticated', 'get_credits');
select tests.throws_code(
    $$select public.list_credit_transactions()$$, 'not_authenticated', 'list_credit_transactions'
);
select tests.throws_code(
    $$select public.admin_grant_credits('00000000-0000-0000-0000-000000000000', 1, 'x')$$, 'not_admin',
    'admin_grant_credits says that only administrators may'
);
select is(
    tests.error_of($$select public.get_credits()$$) -> 'status', '401', 'the status is 401'
);

select is_empty($$select * from public.videos$$, 'such a caller sees no video');
select is_empty($$select id from public.credit_accounts$$, 'nor account');
select is_empty($$select id from public.credit_transactions$$, 'nor entry');
select is_empty($$select id from public.profiles$$, 'nor profile');

select finish();
rollback;
