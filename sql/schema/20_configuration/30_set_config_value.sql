-- Changes a configuration value in an administrator's name; his reason goes into the history. Nothing happens, and
-- nothing is noted, when the value is that already.
create function private.set_config_value(p_key text, p_value jsonb, p_actor text, p_reason text) returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
    perform set_config('reelbase.actor', p_actor, true);
    perform set_config('reelbase.reason', p_reason, true);

    update public.system_configs as c
    set value = p_value
    where c.key = p_key and c.value_type is not null and c.value <> p_value;

    -- Whatever else this transaction changes is not this action's.
    perform set_config('reelbase.actor', '', true);
    perform set_config('reelbase.reason', '', true);
end
$$;

comment on function private.set_config_value(text, jsonb, text, text) is
'Changes a configuration value, with who and why in its history.';
revoke all on function private.set_config_value(text, jsonb, text, text) from public, anon, authenticated, service_role;
