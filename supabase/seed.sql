-- For development only: every new user starts with credits, as there is no shop yet.
update public.system_configs
set value = '500'
where key = 'signup_bonus_credits';
