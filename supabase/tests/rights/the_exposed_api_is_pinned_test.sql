-- Whatever a client can name, line by line. A line that is new, gone or different is a change of the public contract:
-- it belongs into the reference and the release notes, and then here.
begin;
select plan(4);

-- A role's privileges on a relation: of the whole table, else by column.
create function pg_temp.rights(p_role name, p_relation regclass) returns text
language sql
as $$
    select string_agg(
        case
            when has_table_privilege(p_role, p_relation, o.operation) then o.operation
            else o.operation || '(' || c.columns || ')'
        end, ', ' order by o.place
    )
    from unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger'])
        with ordinality as o (operation, place)
    cross join lateral (
        select string_agg(a.attname, ' ' order by a.attnum) as columns
        from pg_catalog.pg_attribute as a
        where a.attrelid = p_relation and a.attnum > 0 and not a.attisdropped
            and o.operation in ('select', 'insert', 'update', 'references')
            and has_column_privilege(
                p_role, p_relation, a.attnum,
                case when o.operation in ('delete', 'truncate', 'trigger') then 'select' else o.operation end
            )
    ) as c
    where has_table_privilege(p_role, p_relation, o.operation) or c.columns is not null
$$;

select results_eq(
    $$
    select
        (p.proname || '(' || pg_get_function_arguments(p.oid) || ') ' || pg_get_function_result(p.oid)) collate "C",
        (
            select string_agg(r.rolname, ' ' order by r.rolname)
            from unnest(array['anon', 'authenticated', 'service_role', 'video_worker']) as r (rolname)
            where has_function_privilege(r.rolname, p.oid, 'execute')
        ) collate "C"
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace
    order by 1
    $$,
    $$
    values
    ('admin_acknowledge_alert(alert_id bigint) jsonb' collate "C", 'authenticated' collate "C"),
    (
        'admin_deduct_credits(user_id uuid, amount integer, reason text, idempotency_key text DEFAULT NULL::text) jsonb'
        collate "C",
        'authenticated' collate "C"
    ),
    (
        'admin_feature_showcase_item(item_id uuid, featured boolean DEFAULT true, '
        '"position" integer DEFAULT NULL::integer) jsonb',
        'authenticated'
    ),
    (
        'admin_get_dashboard("from" date DEFAULT NULL::date, "to" date DEFAULT NULL::date) jsonb', 'authenticated'
    ),
    ('admin_get_user_video_stats(user_id uuid) jsonb', 'authenticated'),
    ('admin_get_video(task_id uuid) jsonb', 'authenticated'),
    (
        'admin_grant_credits(user_id uuid, amount integer, reason text, idempotency_key text DEFAULT NULL::text) jsonb',
        'authenticated service_role'
    ),
    (
        'admin_list_actions(user_id uuid DEFAULT NULL::uuid, task_id uuid DEFAULT NULL::uuid, '
        'cursor text DEFAULT NULL::text, page_size integer DEFAULT 20) jsonb',
        'authenticated'
    ),
    (
        'admin_list_alerts(severity text DEFAULT NULL::text, include_acknowledged boolean DEFAULT false, '
        'cursor text DEFAULT NULL::text, page_size integer DEFAULT 20) jsonb',
        'authenticated'
    ),
    ('admin_list_config() jsonb', 'authenticated'),
    (
        'admin_list_config_changes(key text DEFAULT NULL::text, cursor text DEFAULT NULL::text, '
        'page_size integer DEFAULT 20) jsonb',
        'authenticated'
    ),
    ('admin_list_models() jsonb', 'authenticated'),
    (
        'admin_list_showcase(status text DEFAULT ''in_review''::text, cursor text DEFAULT NULL::text, '
        'page_size integer DEFAULT 20) jsonb',
        'authenticated'
    ),
    (
        'admin_list_stuck_tasks(cursor text DEFAULT NULL::text, page_size integer DEFAULT 20) jsonb', 'authenticated'
    ),
    (
        'admin_list_user_videos(user_id uuid, status text DEFAULT NULL::text, '
        'sort text DEFAULT ''created_at.desc''::text, cursor text DEFAULT NULL::text, '
        'page_size integer DEFAULT 20) jsonb',
        'authenticated'
    ),
    (
        'admin_list_users(search text DEFAULT NULL::text, cursor text DEFAULT NULL::text, '
        'page_size integer DEFAULT 20) jsonb',
        'authenticated'
    ),
    (
        'admin_refund_video(task_id uuid, reason text, amount integer DEFAULT NULL::integer, '
        'idempotency_key text DEFAULT NULL::text) jsonb',
        'authenticated'
    ),
    ('admin_retry_download(task_id uuid) jsonb', 'authenticated'),
    (
        'admin_review_showcase_item(item_id uuid, decision text, reason text DEFAULT NULL::text) jsonb',
        'authenticated'
    ),
    ('admin_rollback(reason text, batch_size integer DEFAULT 100) jsonb', 'authenticated'),
    ('admin_set_config(key text, value jsonb, reason text) jsonb', 'authenticated'),
    (
        'admin_set_credit_package(id text, reason text, name text DEFAULT NULL::text, '
        'credits integer DEFAULT NULL::integer, amount integer DEFAULT NULL::integer, '
        'currency text DEFAULT NULL::text, provider text DEFAULT NULL::text, mode text DEFAULT NULL::text, '
        'product_id text DEFAULT NULL::text, place integer DEFAULT NULL::integer, '
        'is_enabled boolean DEFAULT NULL::boolean) jsonb',
        'authenticated service_role'
    ),
    (
        'admin_set_model(model text, reason text, is_enabled boolean DEFAULT NULL::boolean, '
        'retires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, '
        'clear_pause boolean DEFAULT false, credit_multiplier numeric DEFAULT NULL::numeric, '
        'provider_model text DEFAULT NULL::text) jsonb',
        'authenticated'
    ),
    (
        'admin_set_model_price(model text, usd_per_second numeric, reason text, resolution text DEFAULT NULL::text, '
        'duration integer DEFAULT NULL::integer, '
        'valid_from timestamp with time zone DEFAULT NULL::timestamp with time zone) jsonb',
        'authenticated'
    ),
    ('begin_checkout(package_id text) jsonb', 'authenticated'),
    ('begin_prompt_optimization(prompt text, content_type text) jsonb', 'authenticated'),
    ('cancel_video(task_id uuid) jsonb', 'authenticated'),
    ('delete_image(image_id uuid) jsonb', 'authenticated'),
    ('delete_video(task_id uuid) jsonb', 'authenticated'),
    (
        'finish_prompt_optimization(optimization_id uuid, outcome text, prompt text DEFAULT NULL::text, '
        'negative_prompt text DEFAULT NULL::text) jsonb',
        'authenticated'
    ),
    (
        'generate_video(prompt text, duration integer DEFAULT 8, resolution text DEFAULT ''720p''::text, '
        'aspect_ratio text DEFAULT ''16:9''::text, negative_prompt text DEFAULT NULL::text, '
        'reference_image_path text DEFAULT NULL::text, reference_image_id uuid DEFAULT NULL::uuid, '
        'model text DEFAULT NULL::text, idempotency_key text DEFAULT NULL::text) jsonb',
        'authenticated'
    ),
    ('get_credits() jsonb', 'authenticated'),
    ('get_video_availability() jsonb', 'anon authenticated service_role'),
    ('get_video_status(task_id uuid) jsonb', 'authenticated'),
    ('list_credit_packages() jsonb', 'anon authenticated service_role'),
    ('list_credit_transactions(cursor text DEFAULT NULL::text, page_size integer DEFAULT 20) jsonb', 'authenticated'),
    (
        'list_generations(content_type text DEFAULT NULL::text, cursor text DEFAULT NULL::text, '
        'page_size integer DEFAULT 20) jsonb',
        'authenticated'
    ),
    ('list_my_showcase(cursor text DEFAULT NULL::text, page_size integer DEFAULT 20) jsonb', 'authenticated'),
    ('list_payments(cursor text DEFAULT NULL::text, page_size integer DEFAULT 20) jsonb', 'authenticated'),
    (
        'list_showcase(content_type text DEFAULT NULL::text, featured boolean DEFAULT NULL::boolean, '
        'cursor text DEFAULT NULL::text, page_size integer DEFAULT 20) jsonb',
        'anon authenticated service_role'
    ),
    ('list_video_prices() jsonb', 'anon authenticated service_role'),
    (
        'list_videos(status text DEFAULT NULL::text, cursor text DEFAULT NULL::text, '
        'page_size integer DEFAULT 20) jsonb',
        'authenticated'
    ),
    (
        'publish_to_showcase(task_id uuid DEFAULT NULL::uuid, image_id uuid DEFAULT NULL::uuid, '
        'title text DEFAULT NULL::text, show_prompt boolean DEFAULT false) jsonb',
        'authenticated'
    ),
    (
        'quote_video(duration integer DEFAULT 8, resolution text DEFAULT ''720p''::text, '
        'model text DEFAULT NULL::text) jsonb',
        'anon authenticated service_role'
    ),
    ('rate_video(task_id uuid, stars integer) jsonb', 'authenticated'),
    ('record_checkout(payment_id uuid, checkout_id text) jsonb', 'service_role'),
    (
        'record_image(prompt text, bucket text, path text, width integer DEFAULT NULL::integer, '
        'height integer DEFAULT NULL::integer, user_id uuid DEFAULT NULL::uuid) jsonb',
        'authenticated service_role'
    ),
    (
        'record_payment(provider text, event_id text, event_type text, kind text, payload jsonb, '
        'order_id text DEFAULT NULL::text, payment_id uuid DEFAULT NULL::uuid, user_id uuid DEFAULT NULL::uuid, '
        'checkout_id text DEFAULT NULL::text, product_id text DEFAULT NULL::text, mode text DEFAULT NULL::text, '
        'units integer DEFAULT 1, amount integer DEFAULT NULL::integer, discount_amount integer DEFAULT 0, '
        'currency text DEFAULT NULL::text, paid_amount integer DEFAULT NULL::integer, '
        'refunded_amount integer DEFAULT 0, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone, '
        'problem text DEFAULT NULL::text) jsonb',
        'service_role'
    ),
    ('remove_from_showcase(item_id uuid) jsonb', 'authenticated'),
    (
        'search_images(search text DEFAULT NULL::text, cursor text DEFAULT NULL::text, page_size integer DEFAULT 20) '
        'jsonb',
        'authenticated'
    ),
    ('set_showcase_like(item_id uuid, liked boolean DEFAULT true) jsonb', 'authenticated'),
    ('take_unsettled_payments(provider text) jsonb', 'service_role')
    $$,
    'the functions of schema public, their arguments, and who may call them'
);

select results_eq(
    $$
    select r.rolname || ' ' || c.relname collate "C", pg_temp.rights(r.rolname, c.oid) collate "C"
    from pg_catalog.pg_class as c
    cross join unnest(array['anon', 'authenticated', 'service_role', 'video_worker']) as r (rolname)
    where c.relnamespace = 'public'::regnamespace
        and c.relkind in ('r', 'v', 'm', 'f', 'p')
        and pg_temp.rights(r.rolname, c.oid) is not null
    order by 1
    $$,
    $$
    values
    (
        'authenticated credit_accounts' collate "C",
        'select(id user_id balance debt created_at)' collate "C"
    ),
    (
        'authenticated credit_transactions',
        'select(id account_id entry_no type amount balance_before balance_after debt_after task_id reason created_at)'
    ),
    (
        'authenticated image_generation_history',
        'select(id user_id prompt bucket path width height credit_cost created_at)'
    ),
    (
        'authenticated payments',
        'select(id account_id package_id status credits amount currency refunded_credits paid_at created_at)'
    ),
    ('authenticated profiles', 'select(id display_name created_at), update(display_name)'),
    ('authenticated prompt_optimizations', 'select'),
    (
        'authenticated video_generation_history',
        'select(id user_id status prompt negative_prompt aspect_ratio resolution duration model '
        'reference_image_bucket reference_image_path credit_cost retry_of permanent_video_url thumbnail_url '
        'file_size_bytes width height video_duration error_code error_message retry_count created_at completed_at '
        'downloaded_at deleted_at)'
    ),
    ('authenticated video_ratings', 'select'),
    ('authenticated videos', 'select'),
    ('service_role credit_accounts', 'select'),
    ('service_role credit_packages', 'select'),
    ('service_role credit_transactions', 'select'),
    ('service_role image_generation_history', 'select'),
    ('service_role payments', 'select'),
    ('service_role profiles', 'select'),
    ('service_role prompt_optimizations', 'select'),
    ('service_role showcase_items', 'select'),
    ('service_role showcase_likes', 'select'),
    ('service_role system_configs', 'select, update(value)'),
    ('service_role video_generation_history', 'select'),
    ('service_role video_model_options', 'select'),
    ('service_role video_models', 'select'),
    ('service_role video_ratings', 'select'),
    ('service_role videos', 'select')
    $$,
    'tables and views of schema public: visitors and the worker have nothing, others what is listed'
);

select is_empty(
    $$
    select c.oid::regclass
    from pg_catalog.pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'S'
    $$,
    'there is no sequence to call in schema public'
);
select is_empty(
    $$
    select t.typname
    from pg_catalog.pg_type as t
    where t.typnamespace = 'public'::regnamespace and t.typtype in ('d', 'e', 'r', 'm')
    $$,
    'nor a type of our own'
);

select finish();
rollback;
