-- What Realtime brings to the database, as far as broadcasts from the database need it: messages, which each client may
-- read as policies say, and the functions that write one and tell which topic a client asks for. There is nobody here
-- to deliver them.
-- The schema is the platform's own: `db reset` drops schemas of anybody else.
create schema if not exists realtime;
grant all on schema realtime to supabase_realtime_admin;
grant usage on schema realtime to postgres, anon, authenticated, service_role;

create table realtime.messages (
    topic text not null,
    extension text not null,
    payload jsonb,
    event text,
    private boolean default false,
    updated_at timestamp without time zone not null default now(),
    inserted_at timestamp without time zone not null default now(),
    id uuid not null default gen_random_uuid(),
    primary key (id, inserted_at)
) partition by range (inserted_at);

-- One for each day on a hosted project; they are dropped after three days.
create table realtime.messages_default partition of realtime.messages default;

alter table realtime.messages enable row level security;
alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages_default owner to supabase_realtime_admin;
grant select, insert, update on table realtime.messages to postgres, anon, authenticated, service_role;

create function realtime.topic()
returns text
language sql
stable
security invoker
as $$
    select nullif(current_setting('realtime.topic', true), '')::text;
$$;

-- Never fails its caller: it proves no delivery either.
create function realtime.send(payload jsonb, event text, topic text, private boolean default true)
returns void
language plpgsql
volatile
security invoker
as $$
begin
    begin
        execute format('set local realtime.topic to %L', topic);
        insert into realtime.messages (payload, event, topic, private, extension)
        values (payload, event, topic, private, 'broadcast');
    exception
        when others then
            raise warning 'ErrorSendingBroadcastMessage: %', sqlerrm;
    end;
end;
$$;

alter function realtime.topic() owner to supabase_realtime_admin;
alter function realtime.send(jsonb, text, text, boolean) owner to supabase_realtime_admin;
