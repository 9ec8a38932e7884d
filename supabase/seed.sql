-- For development only: every new user starts with credits, because a shop takes a click more.
update public.system_configs
set value = '500'
where key = 'signup_bonus_credits';

-- What the shop of the local stack sells; it takes no money (functions_py/local/creem).
insert into public.credit_packages (id, name, credits, amount, currency, provider, mode, product_id, place) values
('small', 'Small', 500, 500, 'USD', 'creem', 'test', 'prod_local_small', 1),
('large', 'Large', 5000, 4000, 'USD', 'creem', 'test', 'prod_local_large', 2);
