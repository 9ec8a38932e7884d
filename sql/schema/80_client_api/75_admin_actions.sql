-- What administrators did: who, what, why. One row for each action; a call that changed nothing leaves none.
create table private.admin_actions (
    id bigint generated always as identity primary key,
    actor text not null,
    action text not null,
    user_id uuid,
    task_id uuid,
    details jsonb not null default '{}',
    reason text,
    created_at timestamptz not null default private.now()
);

create index admin_actions_by_user on private.admin_actions (user_id, id desc);
create index admin_actions_by_task on private.admin_actions (task_id, id desc) where task_id is not null;
create unique index admin_actions_idempotency
on private.admin_actions (user_id, action, (details ->> 'idempotency_key'))
where details ->> 'idempotency_key' is not null;

comment on table private.admin_actions is 'Who did what and why; one row for each action of an administrator.';
alter table private.admin_actions enable row level security;
revoke all on table private.admin_actions from public, anon, authenticated, service_role;
