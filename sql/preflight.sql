-- What stands in the way of Reelbase in a project that lives already. Run it before `supabase db push`:
--
--     psql "$DATABASE_URL" -f sql/preflight.sql          or paste it into the SQL editor of the dashboard
--
-- One query. It changes nothing, takes no lock that anybody would notice, and runs in a read-only transaction.
--
-- severity  clash    the push would fail, or harm the project: do what what_to_do says, then run this again
--           adopted  a thing of yours that Reelbase shares with you, and what becomes of it
--           info     worth knowing
--           ok       looked at, and fine
--
-- Where it is not known whether a table is there (pg_cron's jobs, your system_configs), query_to_xml asks: it runs a
-- query given as text, which plain SQL cannot do otherwise.
with installed as (
    select coalesce(
        obj_description(to_regnamespace('worker_api'), 'pg_namespace') like 'The verbs of the video worker.%', false
    ) as yes
),

-- What the migrations make: relations of schema public with a constraint by which ours is told from another one of
-- its name, then names in other schemas, indexes (they share their names with tables) and functions.
our_relations (name, mark) as (
    values
    ('credit_accounts', 'balance_is_never_negative'),
    ('credit_transactions', 'entry_numbers_start_at_one'),
    ('image_generation_history', 'image_has_a_size'),
    ('video_generation_history', 'status_is_known'),
    ('video_models', 'model_id_is_a_slug'),
    ('video_model_options', 'option_cost_is_positive'),
    ('video_ratings', 'stars_are_one_to_five'),
    ('credit_packages', 'package_id_is_a_slug'),
    ('payments', 'payment_status_is_known'),
    ('showcase_likes', 'like_is_counted_once'),
    ('prompt_optimizations', 'optimization_outcome_is_known'),
    ('videos', null)
),

our_ledger (columns) as (
    values (
        '{id,account_id,entry_no,type,amount,balance_before,balance_after,debt_before,debt_after,task_id,actor,reason,'
        'idempotency_key,created_at}'::text[]
    )
),

our_other_relations (schema, names) as (
    values
    (
        'public',
        '{charge_is_a_key,charge_pays_one_task,credit_transactions_by_task,credit_transactions_idempotency,'
        'credit_transactions_one_goodwill_for_each_task,entry_number_is_unique,entry_settlement_is_a_key,'
        'entry_state_is_a_key,idempotency_key_is_used_once,image_generation_history_by_user,'
        'image_generation_history_by_words,image_is_recorded_once,operation_id_is_unique,package_is_one_product,'
        'payment_is_one_order,payments_by_account,payments_by_package,payments_unsettled,refund_is_a_key,'
        'refund_settles_one_task,video_generation_history_by_creation,video_generation_history_by_retry,'
        'video_generation_history_by_status,video_generation_history_by_user,'
        'video_generation_history_by_user_and_status,carousel_place_holds_one_item,image_is_shown_once,'
        'like_is_counted_once,prompt_optimizations_by_user,showcase_items_by_author,showcase_items_by_status,'
        'showcase_items_published,showcase_likes_by_user,source_is_shown_once}'::text[]
    ),
    (
        'private',
        '{admin_actions,adopted_tables,alerts,current_options,daily_spend,error_codes,failure_codes,file_jobs,'
        'model_brakes,payment_events,payment_events_by_payment,provider_calls,settings,system_config_changes,'
        'video_jobs,worker_heartbeats,admin_actions_by_task,admin_actions_by_user,alerts_one_open_for_each_subject,'
        'file_jobs_due,provider_calls_by_creation,provider_calls_by_operation,provider_calls_by_output_prefix,'
        'system_config_changes_by_key,video_jobs_by_account,video_jobs_by_deadline,video_jobs_due,'
        'admin_actions_idempotency,file_jobs_by_showcase_item,alerts_by_subject,duration_estimates,'
        'webhook_deliveries,webhook_deliveries_due,webhook_deliveries_by_creation}'
    ),
    -- Administration.
    (
        'public',
        '{credit_accounts_by_creation,credit_transactions_by_creation,video_generation_history_by_account}'
    )
),

our_functions (schema, names) as (
    values
    (
        'public',
        '{admin_acknowledge_alert,admin_deduct_credits,admin_grant_credits,admin_list_alerts,admin_refund_video,'
        'admin_retry_download,admin_rollback,cancel_video,delete_image,delete_video,generate_video,get_credits,'
        'get_video_availability,get_video_status,list_credit_transactions,list_generations,list_video_prices,'
        'list_videos,quote_video,rate_video,record_image,search_images}'::text[]
    ),
    (
        'private',
        '{admin_acknowledge_alert,admin_change_credits,admin_deduct_credits,admin_grant_credits,admin_list_alerts,'
        'admin_refund_video,admin_retry_download,admin_rollback,announce_alert,announce_end,audit_ledger,book_call,'
        'book_late_call,cancel_video,check_idempotency_key,check_status_move,checked_page_size,claim_lane,clean_up,'
        'conditions,current_user_id,decode_cursor,delete_image,delete_video,differing_fields,encode_cursor,end_task,'
        'fail_transfer,find_reference_image,forget_deleted_user,forget_user,generate_again,generate_video,'
        'get_credits,get_video_availability,get_video_status,has_words,image_item,install_realtime,is_adopted,'
        'is_in_rollout,list_credit_transactions,list_generations,list_video_prices,list_videos,lock_account,'
        'lock_accounts_of,lock_task,next_stage,note_condition,now,poke_worker,post_entry,push_status,queue_orphans,'
        'queue_webhook,quote_video,raise_alert,raise_error,rate_video,record_config_change,record_image,'
        'refresh_estimates,refuse_ledger_change,refuse_other_request,refuse_over_spend_cap,refuse_parameter,'
        'refuse_verdict,replay_generation,report_audit,require_admin,reserve_spend,search_images,search_keys,'
        'search_keys_of_words,search_text,set_config_value,settle,start_transfer,submit_answer,sweep,'
        'take_submit_slot,tick,video_status,watch,welcome_user}'
    ),
    -- Payments.
    (
        'public',
        '{admin_set_credit_package,begin_checkout,list_credit_packages,list_payments,record_checkout,record_payment,'
        'take_unsettled_payments}'
    ),
    (
        'private',
        '{admin_set_credit_package,begin_checkout,list_credit_packages,list_payments,lock_payment,record_checkout,'
        'record_payment,settle_payment,take_unsettled_payments}'
    ),
    -- Administration.
    (
        'public',
        '{admin_get_dashboard,admin_get_user_video_stats,admin_get_video,admin_list_actions,admin_list_config,'
        'admin_list_config_changes,admin_list_models,admin_list_stuck_tasks,admin_list_user_videos,admin_list_users,'
        'admin_set_config,admin_set_model,admin_set_model_price}'
    ),
    (
        'private',
        '{check_user,checked_reason,decode_place,describe_model,describe_operation,describe_task,describe_user,'
        'encode_place,find_users,lock_model,summarize_period,usd,video_share_of_credits}'
    ),
    (
        'private',
        '{admin_get_dashboard,admin_get_user_video_stats,admin_get_video,admin_list_actions,admin_list_config,'
        'admin_list_config_changes,admin_list_models,admin_list_stuck_tasks,admin_list_user_videos,admin_list_users,'
        'admin_set_config,admin_set_model,admin_set_model_price}'
    ),
    -- Showcase and prompt optimizer.
    (
        'public',
        '{admin_feature_showcase_item,admin_list_showcase,admin_review_showcase_item,begin_prompt_optimization,'
        'finish_prompt_optimization,list_my_showcase,list_showcase,publish_to_showcase,remove_from_showcase,'
        'set_showcase_like}'
    ),
    (
        'private',
        '{admin_feature_showcase_item,admin_list_showcase,admin_review_showcase_item,begin_prompt_optimization,'
        'finish_prompt_optimization,list_my_showcase,list_showcase,publish_to_showcase,remove_from_showcase,'
        'set_showcase_like}'
    ),
    (
        'private', '{drop_showcase_files,forget_showcase,own_showcase_item,reviewed_showcase_item,showcase_item,'
        'showcase_object,withdraw_from_showcase}'
    )
),

our_triggers_on_users (name) as (
    values ('reelbase_welcome_user'), ('reelbase_forget_user'), ('reelbase_forget_soft_deleted_user')
),

our_policies_on_objects (name) as (
    values
    ('videos_are_read_by_their_owner'), ('reference_images_are_read_by_their_owner'),
    ('reference_images_are_uploaded_to_the_own_folder'), ('reference_images_are_removed_by_their_owner')
),

our_buckets (id, file_size_limit, allowed_mime_types) as (
    values
    ('videos', 524288000, '{video/mp4,image/jpeg,image/webp}'),
    ('reference-images', 20971520, '{image/png,image/jpeg}')
),

our_cron_jobs (name) as (
    values ('video-tick'), ('video-sweep'), ('video-audit'), ('video-cleanup'), ('video-watch'), ('video-estimates')
),

our_config_keys (name, type, minimum, maximum, is_nullable) as (
    values
    ('video_credit_per_second', 'number', 0.01, 100000, false),
    ('video_1080p_multiplier', 'number', 1, 100, false),
    ('video_concurrent_limit', 'integer', 1, 1000, false),
    ('video_generation_enabled', 'boolean', null, null, false),
    ('video_default_model', 'text', null, null, false),
    ('video_prompt_max_length', 'integer', 1, 4000, false),
    ('video_rollout_percent', 'integer', 0, 100, false),
    ('video_rollout_salt', 'text', null, null, false),
    ('video_disabled_message', 'text', null, null, true),
    ('video_disabled_until', 'timestamp', null, null, true),
    ('video_daily_spend_cap_usd', 'number', 0, 10000000, true),
    ('video_daily_cost_alert_usd', 'number', 0, 10000000, true),
    ('video_poll_interval_seconds', 'integer', 1, 300, false),
    ('video_batch_size', 'integer', 1, 50, false),
    ('video_submit_per_minute', 'integer', 1, 10000, false),
    ('video_submit_deadline_seconds', 'integer', 60, 86400, false),
    ('video_submit_attempts', 'integer', 1, 10, false),
    ('video_submit_backoff_seconds', 'number', 0.1, 600, false),
    ('video_submit_backoff_max_seconds', 'number', 1, 3600, false),
    ('video_reconcile_seconds', 'integer', 30, 86400, false),
    ('video_generation_deadline_seconds', 'integer', 361, 86400, false),
    ('video_download_attempts', 'integer', 1, 20, false),
    ('video_download_retry_seconds', 'integer', 1, 3600, false),
    ('video_google_expiry_hours', 'integer', 1, 8760, false),
    ('video_lease_seconds', 'integer', 5, 60, false),
    ('video_retry_after_seconds', 'integer', 1, 86400, false),
    ('credit_value_usd', 'number', 0, 1000, false),
    ('signup_bonus_credits', 'integer', 0, 1000000, false),
    ('video_image_buckets', 'text', null, null, false),
    ('storage_public_url', 'text', null, null, true),
    ('showcase_pending_limit', 'integer', 1, 1000, false),
    ('prompt_optimizer_model', 'text', null, null, false),
    ('prompt_optimizer_per_minute', 'integer', 0, 10000, false),
    ('prompt_optimizer_per_day', 'integer', 0, 100000, false),
    ('video_estimate_tasks', 'integer', 1, 100000, false),
    ('video_estimate_min_samples', 'integer', 1, 100000, false),
    ('video_webhook_url', 'text', null, null, true),
    ('video_alert_webhook_url', 'text', null, null, true),
    ('video_alert_webhook_severity', 'text', null, null, false),
    ('video_webhook_attempts', 'integer', 1, 20, false),
    ('video_webhook_backoff_seconds', 'number', 0.1, 3600, false)
),

-- Tables of yours that a push shares: what they must look like to be adopted.
shape (table_name, column_name, types, is_required) as (
    values
    ('profiles', 'id', '{uuid}'::text[], true),
    ('profiles', 'display_name', '{text,"character varying"}', false),
    ('system_configs', 'key', '{text,"character varying"}', true),
    ('system_configs', 'value', '{jsonb}', true),
    ('system_configs', 'description', '{text,"character varying"}', false),
    ('system_configs', 'value_type', '{}', false),
    ('system_configs', 'minimum', '{numeric}', false),
    ('system_configs', 'maximum', '{numeric}', false),
    ('system_configs', 'is_nullable', '{boolean}', false),
    ('system_configs', 'updated_at', '{"timestamp with time zone","timestamp without time zone"}', false),
    ('system_configs', 'updated_by', '{text,"character varying"}', false),
    ('showcase_items', 'id', '{uuid}', true),
    ('showcase_items', 'title', '{text,"character varying"}', false),
    ('showcase_items', 'image_url', '{text,"character varying"}', false),
    ('showcase_items', 'video_url', '{text,"character varying"}', false),
    ('showcase_items', 'thumbnail_url', '{text,"character varying"}', false),
    ('showcase_items', 'content_type', '{}', false),
    ('showcase_items', 'author_id', '{}', false),
    ('showcase_items', 'source_task_id', '{}', false),
    ('showcase_items', 'source_image_id', '{}', false),
    ('showcase_items', 'item_status', '{}', false),
    ('showcase_items', 'status_reason', '{}', false),
    ('showcase_items', 'show_prompt', '{}', false),
    ('showcase_items', 'featured_position', '{}', false),
    ('showcase_items', 'like_count', '{}', false),
    ('showcase_items', 'submitted_at', '{}', false),
    ('showcase_items', 'published_at', '{}', false)
),

tables as (
    select
        c.oid,
        c.relname::text as name,
        c.relkind,
        c.relrowsecurity,
        pg_get_userbyid(c.relowner) as owner,
        pg_has_role(c.relowner, 'usage') as is_within_reach,
        exists(
            select
            from pg_constraint as k
            where
                k.conrelid = c.oid
                and k.conname in (
                    'display_name_is_short', 'config_of_ours_is_described', 'entry_numbers_start_at_one',
                    'item_shows_one_source'
                )
        ) as has_our_mark
    from pg_class as c
    where
        c.relnamespace = 'public'::regnamespace
        and c.relname in ('profiles', 'system_configs', 'showcase_items', 'credit_transactions')
),

columns as (
    select
        t.oid,
        t.name as table_name,
        a.attname::text as name,
        a.attnum,
        format_type(a.atttypid, null) as type,
        a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attgenerated = '' as must_be_given,
        a.attnotnull as is_not_null,
        exists(
            select
            from pg_index as i
            where
                i.indrelid = t.oid
                and i.indisunique and i.indisvalid and i.indimmediate
                and i.indnkeyatts = 1 and i.indkey[0] = a.attnum
                and i.indpred is null and i.indexprs is null
        ) as is_unique
    from tables as t
    inner join pg_attribute as a on t.oid = a.attrelid
    where a.attnum > 0 and not a.attisdropped
),

config_values as (
    select
        (xpath('/row/key/text()', x.x))[1]::text as key,
        (xpath('/row/type/text()', x.x))[1]::text as type,
        coalesce((xpath('/row/value/text()', x.x))[1]::text, '') as value
    from unnest(xpath('/table/row', case
        when (
            select count(*) = 2
            from columns as c
            where c.table_name = 'system_configs' and (c.name = 'key' or (c.name = 'value' and c.type = 'jsonb'))
        ) then query_to_xml(
            format(
                'select key, jsonb_typeof(value) as type, left(value::text, 200) as value from public.system_configs '
                'where key = any (%L)', array(select k.name from our_config_keys as k)
            ),
            true, false, ''
        )
    end)) as x (x)
),

-- What does not fit, one row each, with the command that mends it.
misfits (table_name, what, mend) as (
    select
        t.name,
        'it is not a table',
        format('alter table public.%I rename to %I;', t.name, t.name || '_of_the_app')
    from tables as t
    where t.relkind not in ('r', 'p')

    union all
    select
        t.name,
        format('it belongs to %s', t.owner),
        format('As %s: alter table public.%I owner to postgres;', t.owner, t.name)
    from tables as t
    where not t.is_within_reach

    union all
    select
        s.table_name,
        format('missing column %s %s', s.column_name, s.types[1]),
        case
            when
                s.table_name = 'profiles'
                and exists (
                    select from columns as u
                    where u.table_name = 'profiles' and u.name = 'user_id' and u.type = 'uuid'
                )
                then 'alter table public.profiles add column id uuid generated always as (user_id) stored unique;'
            else format('alter table public.%I rename to %I;', s.table_name, s.table_name || '_of_the_app')
        end
    from shape as s
    inner join tables as t on s.table_name = t.name
    left join columns as c on s.table_name = c.table_name and s.column_name = c.name
    where s.is_required and c.name is null

    union all
    select
        s.table_name,
        format('column %s is %s', s.column_name, c.type),
        case
            when s.types = '{}'
                then
                    format(
                        'alter table public.%I rename column %I to %I;', s.table_name, s.column_name,
                        s.column_name || '_of_the_app'
                    )
            when s.column_name = 'value'
                then
                    'alter table public.system_configs alter column value type jsonb using to_jsonb(value);'
            when s.column_name = 'id'
                then
                    format('alter table public.%I rename to %I;', s.table_name, s.table_name || '_of_the_app')
            else format(
                'alter table public.%1$I alter column %2$I type %3$s using %2$I::%3$s;',
                s.table_name, s.column_name, s.types[1]
            )
        end
    from shape as s
    inner join columns as c on s.table_name = c.table_name and s.column_name = c.name
    where c.type <> all(s.types)

    union all
    select
        c.table_name,
        format('column %s is not unique and not null', c.name),
        format('alter table public.%1$I alter column %2$I set not null, add unique (%2$I);', c.table_name, c.name)
    from columns as c
    where
        (c.table_name, c.name) in (('profiles', 'id'), ('system_configs', 'key'), ('showcase_items', 'id'))
        and not (c.is_unique and (c.is_not_null or c.table_name = 'profiles'))

    union all
    select
        c.table_name,
        format('column %s must be given', c.name),
        format('alter table public.%I alter column %I drop not null;', c.table_name, c.name)
    from columns as c
    where
        c.must_be_given
        and (
            (c.table_name = 'system_configs' and c.name not in ('key', 'value', 'description'))
            or (c.table_name = 'showcase_items' and c.name not in ('id', 'title', 'image_url'))
        )

    union all
    select
        t.name,
        'row level security is off, and clients have rights',
        format(
            'alter table public.%1$I enable row level security; create policy %2$I on public.%1$I for select '
            'to anon, authenticated using (true);', t.name,
            case t.name when 'system_configs' then 'configs_are_read' else 'items_are_read' end
        )
    from tables as t
    where
        t.name in ('system_configs', 'showcase_items')
        and not t.relrowsecurity
        and exists (
            select
            from (values ('anon'), ('authenticated')) as r (role)
            where
                has_any_column_privilege(r.role, t.oid, 'select, insert, update')
                or has_table_privilege(r.role, t.oid, 'delete, truncate')
        )

    union all
    select
        'system_configs',
        format('it has a %s %s', n.kind, n.name),
        case n.kind
            when 'policy' then format('alter policy %1$I on public.system_configs rename to %2$I;', n.name, n.new_name)
            when
                'trigger'
                then format('alter trigger %1$I on public.system_configs rename to %2$I;', n.name, n.new_name)
            else format('alter table public.system_configs rename constraint %1$I to %2$I;', n.name, n.new_name)
        end
    from (
        select
            k.kind,
            k.name,
            k.name || '_of_the_app' as new_name
        from (
            select
                'trigger' as kind,
                g.tgname::text as name,
                g.tgrelid as relation
            from pg_trigger as g
            union all
            select
                'policy',
                p.polname,
                p.polrelid
            from pg_policy as p
            union all
            select
                'constraint',
                c.conname,
                c.conrelid
            from pg_constraint as c
        ) as k
        where
            k.relation = to_regclass('public.system_configs')
            and k.name in (
                'record_change', 'configs_of_ours_are_closed_to_clients', 'config_type_is_known',
                'config_of_ours_is_described', 'config_value_fits_type_and_range'
            )
    ) as n

    union all
    select
        'system_configs',
        format('its key %s has the value %s', k.name, v.value),
        format(
            'update public.system_configs set key = %L where key = %L; or give it %s.', k.name || '_of_the_app', k.name,
            concat_ws(
                ' ', k.type, 'from ' || k.minimum, 'to ' || k.maximum, case when k.is_nullable then 'or null' end
            )
        )
    from our_config_keys as k
    inner join config_values as v on k.name = v.key
    where not coalesce(
        case
            when v.type = 'null' then k.is_nullable
            when k.type in ('number', 'integer') and v.type = 'number'
                then
                    v.value::numeric between k.minimum and k.maximum
                    and (k.type = 'number' or v.value ~ '^-?\d+$')
            when k.type = 'timestamp'
                then
                    v.value ~ '^"20\d\d-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)"$'
            when k.type = 'boolean' then v.type = 'boolean'
            when k.type = 'text' then v.type = 'string'
        end,
        false
    )
),

taken_names as (
    select
        c.oid,
        left(c.relname, 46) || '_of_the_app' as new_name,
        case c.relkind
            when 'r' then 'table'
            when 'p' then 'table'
            when 'v' then 'view'
            when 'm' then 'materialized view'
            when 'S' then 'sequence'
            when 'f' then 'foreign table'
            when 'c' then 'type'
            else 'index'
        end as word,
        installed.yes and case
            when r.mark is null then coalesce(obj_description(c.oid, 'pg_class') is not null, false) or c.relkind = 'i'
            else exists (
                select from pg_constraint as m
                where m.conrelid = c.oid and m.conname = r.mark
            )
        end as is_ours
    from pg_class as c
    cross join installed
    left join our_relations as r on c.relname = r.name and c.relnamespace = 'public'::regnamespace
    left join our_other_relations as o on c.relname = any(o.names) and c.relnamespace = to_regnamespace(o.schema)::oid
    where coalesce(r.name, o.schema) is not null and c.relname <> 'credit_transactions'
),

cron_jobs as (
    select
        (xpath('/row/jobname/text()', x.x))[1]::text as name,
        (xpath('/row/command/text()', x.x))[1]::text as command
    from unnest(xpath('/table/row', case
        when to_regclass('cron.job') is not null then query_to_xml(
            'select jobname, left(command, 200) as command from cron.job where username = current_user',
            true, false, ''
        )
    end)) as x (x)
),

exposed_schemas as (
    select distinct trim(both ' "' from s.name) as name
    from (
        select current_setting('pgrst.db_schemas', true) as list
        union all
        select substr(c.setting, length('pgrst.db_schemas=') + 1)
        from pg_db_role_setting as d
        cross join lateral unnest(d.setconfig) as c (setting)
        where c.setting like 'pgrst.db\_schemas=%' and d.setrole in (0, coalesce(to_regrole('authenticator')::oid, 0))
    ) as l
    cross join lateral regexp_split_to_table(l.list, ',') as s (name)
),

mends as (
    select
        f.table_name,
        string_agg(f.what, '; ') as what,
        -- A table that is moved aside needs no other change.
        coalesce(
            min(f.mend) filter (where f.mend ~ '^alter table \S+ rename to '), string_agg(distinct f.mend, ' ')
        ) as mend
    from misfits as f
    group by f.table_name
),

findings (severity, object, what_it_is, what_to_do) as (
    -- The server ----------------------------------------------------------------------------------------------------
    select
        case when current_setting('server_version_num')::integer < 150000 then 'clash' else 'ok' end,
        'Postgres ' || current_setting('server_version'),
        'Reelbase needs 15 or newer',
        case
            when current_setting('server_version_num')::integer < 150000
                then 'Dashboard > Project Settings > Infrastructure > Upgrade project'
        end

    union all
    select
        case when pg_has_role('postgres', 'usage') then 'ok' else 'clash' end,
        'role ' || current_user,
        'migrations run as postgres, and this looks with the eyes of who runs it',
        case when not pg_has_role('postgres', 'usage') then 'Connect as postgres, and run this again.' end

    union all
    select
        case
            when n.installed_version is not null then 'ok'
            when n.name = 'pg_cron' and n.default_version is null then 'clash'
            else 'info'
        end,
        'extension ' || n.name,
        case
            when n.installed_version is not null then 'there: ' || n.installed_version
            when n.default_version is not null then 'not installed yet'
            when n.name = 'pg_cron' then 'not available on this server'
            else 'not available on this server: the worker is not woken, and finds work when it polls'
        end,
        case
            when n.installed_version is not null then null
            when n.default_version is not null then 'Nothing: the push installs it.'
            when n.name = 'pg_cron' then 'Dashboard > Integrations > Cron; elsewhere: install the package of pg_cron.'
        end
    from (
        select
            w.name,
            coalesce(a.installed_version, case when w.name = 'pg_net' then to_regproc('net.http_post')::text end)
                as installed_version,
            a.default_version
        from (values ('pg_cron'), ('pg_net')) as w (name)
        left join pg_available_extensions as a on w.name = a.name
    ) as n

    union all
    select
        'info',
        'Vault',
        'not there: the worker is not woken, and finds work when it polls',
        null
    where to_regclass('vault.decrypted_secrets') is null

    -- Names ---------------------------------------------------------------------------------------------------------
    union all
    select
        'clash',
        n.oid::regclass::text,
        n.word || ' with a name of ours',
        format('alter %s %s rename to %I; and change what uses it', n.word, n.oid::regclass, n.new_name)
    from taken_names as n
    where not n.is_ours

    union all
    select
        'clash',
        'type ' || t.oid::regtype,
        'a type with the name of a table of ours',
        format(
            'alter type %s rename to %I; and change what uses it', t.oid::regtype, left(t.typname, 46) || '_of_the_app'
        )
    from our_relations as o
    inner join pg_type as t on o.name = t.typname
    where t.typnamespace = 'public'::regnamespace and t.typrelid = 0

    union all
    select
        'clash',
        'function ' || p.oid::regprocedure,
        'a function with a name of ours: a client could not tell which one is meant',
        format(
            'alter routine %s rename to %I; and change what calls it', p.oid::regprocedure,
            left(p.proname, 46) || '_of_the_app'
        )
    from our_functions as o
    inner join pg_proc as p on p.proname = any(o.names) and to_regnamespace(o.schema)::oid = p.pronamespace
    where
        not (
            (select i.yes from installed as i)
            and p.proconfig @> array['search_path=""']
            and obj_description(p.oid, 'pg_proc') is not null
        )

    union all
    select
        'clash',
        format('trigger %I on auth.users', t.tgname),
        'a trigger with a name of ours',
        format('drop trigger %I on auth.users; and make it again under another name', t.tgname)
    from our_triggers_on_users as o
    inner join pg_trigger as t on o.name = t.tgname
    where
        t.tgrelid = 'auth.users'::regclass
        and not (
            (select i.yes from installed as i)
            and exists (
                select from pg_proc as p
                where p.oid = t.tgfoid and p.pronamespace = to_regnamespace('private')::oid
            )
        )

    union all
    select
        'clash',
        format('policy %I on storage.objects', p.polname),
        'a policy with a name of ours',
        format('alter policy %1$I on storage.objects rename to %2$I;', p.polname, left(p.polname, 46) || '_of_the_app')
    from our_policies_on_objects as o
    inner join pg_policy as p on o.name = p.polname
    where p.polrelid = 'storage.objects'::regclass and not (select i.yes from installed as i)

    union all
    select
        'info',
        format('policy %I on storage.objects', p.polname),
        'it names no bucket, so it also applies to the videos of your users',
        format('If it should not: alter policy %I on storage.objects, adding bucket_id = ''…''', p.polname)
    from pg_policy as p
    where
        p.polrelid = 'storage.objects'::regclass
        and p.polpermissive
        and concat(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) !~ '\mbucket_id\M'

    union all
    select
        'clash',
        'cron job ' || j.name,
        'a job with a name of ours, which the push would replace: ' || j.command,
        format('select cron.unschedule(%L); and schedule it again under another name', j.name)
    from cron_jobs as j
    inner join our_cron_jobs as o on j.name = o.name
    where
        not (
            (select i.yes from installed as i)
            and j.command ~ 'private\.(tick|sweep|watch|report_audit|clean_up|refresh_estimates)\('
        )

    -- Schemas, roles, rights ----------------------------------------------------------------------------------------
    union all
    select
        case
            when not pg_has_role(n.nspowner, 'usage') then 'clash'
            when (select i.yes from installed as i) then 'ok'
            when n.nspname = 'worker_api' then 'clash'
            else 'adopted'
        end,
        'schema ' || n.nspname,
        case
            when not pg_has_role(n.nspowner, 'usage') then 'it belongs to ' || pg_get_userbyid(n.nspowner)
            when (select i.yes from installed as i) then 'shared with, or of, Reelbase'
            when
                n.nspname = 'worker_api'
                then 'a schema of that name is to hold the worker''s functions, and nothing else'
            else 'a schema of yours: we put our objects beside yours, and leave your grants as they are'
        end,
        case
            when not pg_has_role(n.nspowner, 'usage')
                then format('As %s: alter schema %I owner to postgres;', pg_get_userbyid(n.nspowner), n.nspname)
            when n.nspname = 'worker_api' and not (select i.yes from installed as i)
                then 'alter schema worker_api rename to worker_api_of_the_app; and change what uses it'
        end
    from pg_namespace as n
    where n.nspname in ('private', 'worker_api')

    union all
    select
        'clash',
        'schema ' || e.name,
        'the Data API exposes it: clients could name what is in it',
        'Dashboard > Project Settings > Data API > Exposed schemas: take it out. Elsewhere: '
        'alter role authenticator set pgrst.db_schemas = ''public''; notify pgrst, ''reload config'';'
    from exposed_schemas as e
    where e.name in ('private', 'worker_api')

    union all
    select
        case when r.wrong = '' then 'ok' else 'clash' end,
        'role video_worker',
        coalesce('a role of that name has ' || nullif(r.wrong, ''), 'the worker''s login'),
        case
            when r.wrong <> '' then concat_ws(' ', 'alter role video_worker ' || nullif(r.mend, '') || ';', r.revokes)
        end
    from (
        select
            concat_ws(', ', string_agg(a.has, ', ') filter (where a.is_wrong), 'membership in ' || min(b.roles))
                as wrong,
            string_agg(a.mend, ' ') filter (where a.is_wrong) as mend,
            min(b.revokes) as revokes
        from pg_roles as w
        cross join
            lateral (
                values
                ('superuser', 'nosuperuser', w.rolsuper),
                ('bypassrls', 'nobypassrls', w.rolbypassrls),
                ('replication', 'noreplication', w.rolreplication),
                ('createrole', 'nocreaterole', w.rolcreaterole),
                ('createdb', 'nocreatedb', w.rolcreatedb),
                ('inherit', 'noinherit', w.rolinherit),
                ('no login', 'login', not w.rolcanlogin)
            ) as a (has, mend, is_wrong)
        cross join
            lateral (
                select
                    string_agg(m.roleid::regrole::text, ', ') as roles,
                    string_agg(format('revoke %s from video_worker;', m.roleid::regrole), ' ') as revokes
                from pg_auth_members as m
                where m.member = w.oid
            ) as b
        where w.rolname = 'video_worker'
        group by w.oid
    ) as r

    union all
    select
        'info',
        'default privileges of postgres',
        'new objects in schema public are granted by themselves: ' || string_agg(
            d.rights, '; ' order by d.rights
        ),
        'The push takes that away: from then on a new table or function of yours needs its own grant. '
        'What is there keeps what it has. functions_py/docs/live-project.md says how to have it back.'
    from (
        select
            case a.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' else 'functions' end
            || ' to ' || string_agg(distinct g.grantee::regrole::text, ', ') as rights
        from pg_default_acl as a
        cross join lateral aclexplode(a.defaclacl) as g
        where
            a.defaclrole = to_regrole('postgres')::oid
            and a.defaclnamespace = 'public'::regnamespace
            and g.grantee::regrole::text in ('anon', 'authenticated', 'service_role')
        group by a.defaclobjtype
    ) as d
    having count(*) > 0

    -- Buckets -------------------------------------------------------------------------------------------------------
    union all
    select
        case
            when b.public then 'clash'
            when (select i.yes from installed as i) then 'ok'
            else 'adopted'
        end,
        'bucket ' || b.id,
        case
            when b.public then 'it is public: the whole world could read what your users keep in it'
            when (select i.yes from installed as i) then 'private'
            else format(
                'a bucket of yours (%s, at most %s bytes, types %s): users read the folder named by their id, which is '
                'deleted with them',
                case
                    when exists (
                        select from storage.objects as f
                        where f.bucket_id = b.id
                    ) then 'with files'
                    else 'empty'
                end,
                coalesce(b.file_size_limit::text, 'any'), coalesce(b.allowed_mime_types::text, 'any')
            )
        end,
        case
            when b.public
                then
                    format(
                        'Move your files to another bucket through the Storage API. Or, if they may become private: '
                        'update storage.buckets set public = false where id = %L;', b.id
                    )
            when (select i.yes from installed as i) then null
            else
                format(
                    'Nothing, if these limits suit you: %s bytes, types %s.', o.file_size_limit, o.allowed_mime_types
                )
        end
    from our_buckets as o
    inner join storage.buckets as b on o.id = b.id

    union all
    select
        case
            when not b.public then 'clash'
            when (select i.yes from installed as i) then 'ok'
            else 'adopted'
        end,
        'bucket showcase',
        case
            when not b.public then 'it is private: nothing of it may become public'
            when (select i.yes from installed as i) then 'public'
            else 'a public bucket of yours: your files stay, ours come beside them under names of their own'
        end,
        case
            when not b.public
                then
                    'Move your files to another bucket through the Storage API. Or, if they may become public: '
                    'update storage.buckets set public = true where id = ''showcase'';'
            when (select i.yes from installed as i) then null
            else 'Nothing, if these limits suit you: 524288000 bytes, MP4, PNG, JPEG and WebP.'
        end
    from storage.buckets as b
    where b.id = 'showcase'

    -- Tables that are adopted ---------------------------------------------------------------------------------------
    union all
    select
        case
            when t.has_our_mark and (select i.yes from installed as i) then 'ok'
            when m.what is null then 'adopted'
            else 'clash'
        end,
        'table ' || t.name,
        case
            when t.has_our_mark and (select i.yes from installed as i) then 'shared with, or of, Reelbase'
            when m.what is not null then 'it does not fit: ' || m.what
            when t.name = 'profiles'
                then
                    'keyed by the user''s id: you make and delete its rows, your rights stay, we read display_name'
            when t.name = 'system_configs'
                then
                    'your keys, rights and policies stay; our keys come beside them, closed to clients'
            else
                'its rows become content_type = ''image'': those that visitors can read now are published, the others, '
                'and what you add later, wait for review. Your rights stay; our rows come beside yours, closed to '
                'clients'
        end,
        case
            when t.has_our_mark and (select i.yes from installed as i) then null
            when m.what is not null then m.mend
            when t.name = 'profiles' then 'Nothing: the push adds the column display_name if it is not there.'
            when t.name = 'system_configs' then 'Nothing: the push adds the columns it needs and its keys.'
            else 'Nothing: the push adds the columns it needs.'
        end
    from tables as t
    left join mends as m on t.name = m.table_name
    where t.name <> 'credit_transactions'

    union all
    select
        case when t.has_our_mark and (select i.yes from installed as i) then 'ok' else 'clash' end,
        'table credit_transactions',
        case
            when t.has_our_mark and (select i.yes from installed as i) then 'of Reelbase'
            else concat_ws(
                ' ',
                'a ledger of yours. Ours is a chain, each entry starting where the one before ended: it cannot be made '
                'of another one.',
                'Missing columns: ' || (
                    select string_agg(w.name, ', ')
                    from unnest(our_ledger.columns) as w (name)
                    where w.name not in (
                        select c.name from columns as c
                        where c.table_name = 'credit_transactions'
                    )
                ) || '.'
            )
        end,
        case
            when not (t.has_our_mark and (select i.yes from installed as i)) then
                'alter table public.credit_transactions rename to credit_transactions_of_the_app; push; then carry the '
                'balances over as opening grants: functions_py/docs/live-project.md has the query.'
        end
    from tables as t
    cross join our_ledger
    where t.name = 'credit_transactions'

    union all
    select
        'info',
        'schema reelbase_archive',
        'what an uninstall kept',
        'After the push, carry the balances over: functions_py/docs/live-project.md has the query.'
    where to_regnamespace('reelbase_archive') is not null
)

select
    a.severity,
    a.object,
    a.what_it_is,
    coalesce(a.what_to_do, '') as what_to_do
from (
    select
        f.severity,
        f.object,
        f.what_it_is,
        f.what_to_do
    from findings as f
    union all
    select
        case when c.clashes = 0 then 'ok' else 'clash' end as severity,
        'Reelbase' as object,
        case
            when c.clashes > 0 then format('%s in the way', c.clashes)
            when (select i.yes from installed as i) then 'installed, and nothing is in the way of an upgrade'
            else 'nothing is in the way'
        end as what_it_is,
        case when c.clashes = 0 then 'supabase db push' else 'Mend them, run this again, then push.' end as what_to_do
    from (
        select count(*) as clashes from findings as f
        where f.severity = 'clash'
    ) as c
) as a
order by
    a.object <> 'Reelbase',
    array_position(array['clash', 'adopted', 'info', 'ok'], a.severity),
    a.object;
