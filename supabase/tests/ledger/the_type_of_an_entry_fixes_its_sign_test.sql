begin;
select plan(4);

select tests.create_rich_user(100) as user_id \gset

-- Which signs the schema takes for each type.
create function pg_temp.signs(p_type text, p_account_id uuid) returns text
language plpgsql
as $$
declare
    v_amount integer;
    v_signs text := '';
begin
    foreach v_amount in array array[-10, 0, 10] loop
        if tests.constraint_of(
            format(
                'insert into public.credit_transactions (account_id, entry_no, type, amount, balance_before, '
                'balance_after, actor) values (%L, 2, %L, %s, 100, %s, ''test'')',
                p_account_id, p_type, v_amount, 100 + v_amount
            )
        ) is distinct from 'entry_sign_fits_its_type' then
            v_signs := v_signs || case sign(v_amount) when -1 then '-' when 0 then '0' else '+' end;
        end if;
    end loop;
    return v_signs;
end
$$;

create temporary table known as
select t.type, pg_temp.signs(t.type, a.id) as signs
from public.credit_accounts as a
cross join unnest(array[
    'video_generation', 'video_refund', 'goodwill_refund', 'debt_repayment', 'purchase', 'purchase_refund',
    'signup_bonus', 'admin_grant', 'admin_deduct', 'image_generation', 'image_refund'
]) as t (type)
where a.user_id = :'user_id';

select is(
    (select array_agg(k.type order by k.type) from known as k where k.signs = '+'),
    '{admin_grant,goodwill_refund,image_refund,purchase,signup_bonus,video_refund}', 'income is above zero'
);
select is(
    (select array_agg(k.type order by k.type) from known as k where k.signs = '-'),
    '{admin_deduct,debt_repayment,image_generation,video_generation}', 'spending is below zero'
);
select is(
    (select array_agg(k.type) from known as k where k.signs = '-0'), '{purchase_refund}',
    'a refunded purchase takes what is left, which may be nothing'
);
select is((select count(*) from known as k where length(k.signs) <> 1), 1::bigint, 'no type takes everything');

select finish();
rollback;
