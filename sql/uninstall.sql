-- Takes Reelbase out of a project. Run as role postgres, by psql or in the SQL editor of the dashboard:
--
--     psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f sql/uninstall.sql
--     psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -c "set reelbase.uninstall = 'everything'" -f sql/uninstall.sql
--
-- Removed   functions, views, the schemas private and worker_api, the role video_worker, the cron jobs, the triggers on
--           auth.users, the policies on storage.objects and realtime.messages, and the migrations' entries in the
--           CLI's history
-- Kept      accounts, ledger, tasks, provider calls, configuration and its history: moved to schema reelbase_archive,
--           which no client reaches; the ledger stays append only. With 'everything' they are dropped instead
-- Always    your own tables, also those that Reelbase adopted, with your rows and rights; the buckets and their files
--   kept    (only the Storage API can delete files); the extensions
--
-- Live tasks end first and give their credits back. One transaction: if something of yours uses an object of ours, the
-- drop names it and nothing has happened.
begin;
set local lock_timeout = '10s';

create temporary table going (schema_name text, name text, kind text, is_kept boolean) on commit drop;

insert into going (schema_name, name, kind, is_kept)
select
    o.schema_name,
    n.name,
    o.kind,
    o.is_kept
from (
    values
    (
        'public', 'table', true,
        '{credit_accounts,credit_transactions,video_generation_history,image_generation_history,video_models,'
        'video_model_options,video_ratings,profiles,system_configs,credit_packages,payments,showcase_items,'
        'showcase_likes,prompt_optimizations}'::text[]
    ),
    (
        'private', 'table', true,
        '{provider_calls,daily_spend,admin_actions,alerts,system_config_changes,file_jobs,error_codes,failure_codes,'
        'payment_events}'
    ),
    (
        'private', 'table', false,
        '{video_jobs,model_brakes,duration_estimates,webhook_deliveries,worker_heartbeats,adopted_tables}'
    ),
    ('public', 'view', false, '{videos}'),
    ('private', 'view', false, '{current_options,settings}'),
    (
        'public', 'function', false,
        '{admin_acknowledge_alert,admin_deduct_credits,admin_grant_credits,admin_list_alerts,admin_refund_video,'
        'admin_retry_download,admin_rollback,cancel_video,delete_image,delete_video,generate_video,get_credits,'
        'get_video_availability,get_video_status,list_credit_transactions,list_generations,list_video_prices,'
        'list_videos,quote_video,rate_video,record_image,search_images}'
    ),
    (
        'private', 'function', false,
        '{admin_acknowledge_alert,admin_change_credits,admin_deduct_credits,admin_grant_credits,admin_list_alerts,'
        'admin_refund_video,admin_retry_download,admin_rollback,announce_alert,announce_end,audit_ledger,book_call,'
        'book_late_call,cancel_video,check_idempotency_key,check_status_move,checked_page_size,claim_lane,clean_up,'
        'conditions,current_user_id,decode_cursor,delete_image,delete_video,differing_fields,encode_cursor,end_task,'
        'fail_transfer,find_reference_image,forget_deleted_user,forget_user,generate_again,generate_video,'
        'get_credits,get_video_availability,get_video_status,has_words,image_item,install_realtime,is_adopted,'
        'is_in_rollout,list_credit_transactions,list_generations,list_video_prices,list_videos,lock_account,'
        'lock_accounts_of,lock_task,next_stage,note_condition,now,poke_worker,post_entry,push_status,queue_orphans,'
        'queue_webhook,quote_video,raise_alert,raise_error,rate_video,record_config_change,record_image,'
        'refresh_estimates,refuse_other_request,refuse_over_spend_cap,refuse_parameter,refuse_verdict,'
        'replay_generation,report_audit,require_admin,reserve_spend,search_images,search_keys,search_keys_of_words,'
        'search_text,set_config_value,settle,start_transfer,submit_answer,sweep,take_submit_slot,tick,video_status,'
        'watch,welcome_user}'
    ),
    ('private', 'function', true, '{refuse_ledger_change}'),
    -- Payments.
    (
        'public', 'function', false,
        '{admin_set_credit_package,begin_checkout,list_credit_packages,list_payments,record_checkout,record_payment,'
        'take_unsettled_payments}'
    ),
    (
        'private', 'function', false,
        '{admin_set_credit_package,begin_checkout,list_credit_packages,list_payments,lock_payment,record_checkout,'
        'record_payment,settle_payment,take_unsettled_payments}'
    ),
    -- Administration.
    (
        'public', 'function', false,
        '{admin_get_dashboard,admin_get_user_video_stats,admin_get_video,admin_list_actions,admin_list_config,'
        'admin_list_config_changes,admin_list_models,admin_list_stuck_tasks,admin_list_user_videos,admin_list_users,'
        'admin_set_config,admin_set_model,admin_set_model_price}'
    ),
    (
        'private', 'function', false,
        '{check_user,checked_reason,decode_place,describe_model,describe_operation,describe_task,describe_user,'
        'encode_place,find_users,lock_model,summarize_period,usd,video_share_of_credits}'
    ),
    (
        'private', 'function', false,
        '{admin_get_dashboard,admin_get_user_video_stats,admin_get_video,admin_list_actions,admin_list_config,'
        'admin_list_config_changes,admin_list_models,admin_list_stuck_tasks,admin_list_user_videos,admin_list_users,'
        'admin_set_config,admin_set_model,admin_set_model_price}'
    ),
    -- Showcase and prompt optimizer.
    (
        'public', 'function', false,
        '{admin_feature_showcase_item,admin_list_showcase,admin_review_showcase_item,begin_prompt_optimization,'
        'finish_prompt_optimization,list_my_showcase,list_showcase,publish_to_showcase,remove_from_showcase,'
        'set_showcase_like}'
    ),
    (
        'private', 'function', false,
        '{admin_feature_showcase_item,admin_list_showcase,admin_review_showcase_item,begin_prompt_optimization,'
        'finish_prompt_optimization,list_my_showcase,list_showcase,publish_to_showcase,remove_from_showcase,'
        'set_showcase_like}'
    ),
    (
        'private', 'function', false,
        '{drop_showcase_files,forget_showcase,own_showcase_item,reviewed_showcase_item,showcase_item,'
        'showcase_object,withdraw_from_showcase}'
    ),
    (
        'worker_api', 'function', false,
        '{begin_submit,begin_transfer,check,claim_file_jobs,claim_jobs,claim_webhooks,complete_file_job,'
        'complete_video,complete_webhook,contract_version,extend_lease,fail_file_job,fail_video,fail_webhook,'
        'heartbeat,postpone_job,record_operation,record_poll,release_leases,requeue_submit}'
    )
) as o (schema_name, kind, is_kept, names)
cross join lateral unnest(o.names) as n (name);

-- Is there anything to do, and may it be done?
do $$
declare
    v_mode text := coalesce(nullif(current_setting('reelbase.uninstall', true), ''), 'keep');
begin
    if v_mode not in ('keep', 'everything') then
        raise exception 'reelbase.uninstall is %: leave it out, or set it to everything', v_mode;
    end if;
    if coalesce(obj_description(to_regnamespace('worker_api'), 'pg_namespace'), '')
        not like 'The verbs of the video worker.%'
    then
        raise exception 'Reelbase is not installed in this database';
    end if;
    if v_mode = 'keep' and to_regnamespace('reelbase_archive') is not null then
        raise exception 'there is an archive already'
            using hint = 'alter schema reelbase_archive rename to reelbase_archive_1; or drop it';
    end if;

    if v_mode = 'everything' then
        update pg_temp.going set is_kept = false;
    end if;
    -- An adopted table is the project's: its turn comes below.
    delete from pg_temp.going as g
    using private.adopted_tables as a
    where g.schema_name = 'public' and g.name = a.name;
end
$$;

-- Nothing starts any more. Auth's table first, then the accounts: the order in which everybody else locks them.
drop trigger if exists reelbase_welcome_user on auth.users;
drop trigger if exists reelbase_forget_user on auth.users;
drop trigger if exists reelbase_forget_soft_deleted_user on auth.users;

do $$
begin
    if to_regclass('public.credit_accounts') is not null then
        lock table public.credit_accounts in access exclusive mode;
    end if;
    if to_regclass('cron.job') is not null then
        perform cron.unschedule(j.jobname)
        from cron.job as j
        where j.jobname in ('video-tick', 'video-sweep', 'video-audit', 'video-cleanup', 'video-watch', 'video-estimates')
            and j.username = current_user;
    end if;
end
$$;

-- What runs ends, with its credits back.
do $$
declare
    v_task record;
begin
    if not exists (
        select from pg_proc as p where p.proname = 'end_task' and p.pronamespace = 'private'::regnamespace
    ) then
        return; -- A push that stopped before there could be a task.
    end if;

    for v_task in
        select h from public.video_generation_history as h where h.ended_at is null order by h.id
    loop
        perform private.end_task(v_task.h, 'failed', 'rolled_back', 'operator');
    end loop;
    set constraints all immediate;
end
$$;

drop policy if exists videos_are_read_by_their_owner on storage.objects;
drop policy if exists reference_images_are_read_by_their_owner on storage.objects;
drop policy if exists reference_images_are_uploaded_to_the_own_folder on storage.objects;
drop policy if exists reference_images_are_removed_by_their_owner on storage.objects;
do $$
begin
    if to_regclass('realtime.messages') is not null then
        drop policy if exists videos_are_announced_to_their_owner on realtime.messages;
    end if;
end
$$;

-- Tables let go of our functions; then views and functions go. A push that stopped at a table or function of yours with
-- a name of ours has left it alone, and so does this: ours are told by a constraint, or by their comment and settings.
drop trigger if exists record_change on public.system_configs;

do $$
declare
    v_command text;
begin
    create temporary table our_functions on commit drop as
    select p.oid, g.is_kept
    from pg_temp.going as g
    inner join pg_proc as p on p.proname = g.name and p.pronamespace = to_regnamespace(g.schema_name)::oid
    where g.kind = 'function'
        and p.proconfig @> array['search_path=""']
        and obj_description(p.oid, 'pg_proc') is not null;

    create temporary table our_tables on commit drop as
    select c.oid, g.is_kept, g.kind
    from pg_temp.going as g
    inner join pg_class as c on c.relname = g.name and c.relnamespace = to_regnamespace(g.schema_name)::oid
    where g.kind in ('table', 'view')
        and case
            when g.kind = 'view' or g.schema_name = 'private' then obj_description(c.oid, 'pg_class') is not null
            else exists (
                select
                from pg_constraint as k
                where k.conrelid = c.oid
                    and k.conname in (
                        'display_name_is_short', 'config_of_ours_is_described', 'balance_is_never_negative',
                        'entry_numbers_start_at_one', 'image_has_a_size', 'status_is_known', 'model_id_is_a_slug',
                        'option_cost_is_positive', 'package_id_is_a_slug', 'payment_status_is_known',
                        'item_shows_one_source', 'like_is_counted_once', 'optimization_outcome_is_known',
                        'stars_are_one_to_five'
                    )
            )
        end;

    for v_command in
        select format('alter table %s alter column %I drop default', d.adrelid::regclass, a.attname)
        from pg_attrdef as d
        inner join pg_temp.our_tables as t on t.oid = d.adrelid
        inner join pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
        where exists (
            select
            from pg_depend as p
            inner join pg_temp.our_functions as f on f.oid = p.refobjid and p.refclassid = 'pg_proc'::regclass
            where p.classid = 'pg_attrdef'::regclass and p.objid = d.oid
        )
        union all
        select format('drop index %s', i.indexrelid::regclass)
        from pg_index as i
        inner join pg_temp.our_tables as t on t.oid = i.indrelid
        where exists (
            select
            from pg_depend as p
            inner join pg_temp.our_functions as f on f.oid = p.refobjid and p.refclassid = 'pg_proc'::regclass
            where p.classid = 'pg_class'::regclass and p.objid = i.indexrelid
        )
        union all
        select format('drop trigger %I on %s', g.tgname, g.tgrelid::regclass)
        from pg_trigger as g
        inner join pg_temp.our_tables as t on t.oid = g.tgrelid
        inner join pg_temp.our_functions as f on f.oid = g.tgfoid
        where not f.is_kept
        union all
        select 'drop view ' || string_agg(t.oid::regclass::text, ', ')
        from pg_temp.our_tables as t
        where t.kind = 'view'
        having count(*) > 0
        union all
        select 'drop function ' || string_agg(f.oid::regprocedure::text, ', ')
        from pg_temp.our_functions as f
        where not f.is_kept
        having count(*) > 0
    loop
        execute v_command;
    end loop;
end
$$;

do $$
begin
    if coalesce(current_setting('reelbase.uninstall', true), '') <> 'everything' then
        create schema reelbase_archive;
        revoke all on schema reelbase_archive from public, anon, authenticated, service_role;
        comment on schema reelbase_archive is 'What Reelbase left when it was uninstalled. No client reaches it.';
    end if;
end
$$;

-- Adopted tables: our rows, rules and columns go, theirs stay.
do $$
declare
    v_keeps boolean := coalesce(current_setting('reelbase.uninstall', true), '') <> 'everything';
    v_configs private.adopted_tables;
    v_profiles private.adopted_tables;
    v_showcase private.adopted_tables;
    v_column text;
begin
    select * into v_configs from private.adopted_tables as a where a.name = 'system_configs';
    select * into v_profiles from private.adopted_tables as a where a.name = 'profiles';
    select * into v_showcase from private.adopted_tables as a where a.name = 'showcase_items';

    if v_configs.name is not null and exists (
        select from pg_constraint as c
        where c.conrelid = 'public.system_configs'::regclass and c.conname = 'config_of_ours_is_described'
    ) then
        if v_keeps then
            create table reelbase_archive.system_configs as
            select * from public.system_configs as s where s.value_type is not null;
        end if;
        delete from public.system_configs as s where s.value_type is not null and s.key <> all (v_configs.had_keys);

        drop policy configs_of_ours_are_closed_to_clients on public.system_configs;
        alter table public.system_configs
        drop constraint config_type_is_known,
        drop constraint config_of_ours_is_described,
        drop constraint config_value_fits_type_and_range;

        foreach v_column in array array[
            'description', 'value_type', 'minimum', 'maximum', 'is_nullable', 'updated_at', 'updated_by'
        ] loop
            if v_column <> all (v_configs.had_columns) then
                execute format('alter table public.system_configs drop column %I', v_column);
            end if;
        end loop;
    end if;

    if v_showcase.name is not null and exists (
        select from pg_constraint as c
        where c.conrelid = 'public.showcase_items'::regclass and c.conname = 'item_shows_one_source'
    ) then
        alter table private.file_jobs drop constraint file_job_copies_for_an_item;
        alter table public.showcase_likes drop constraint showcase_likes_item_id_fkey;
        if v_keeps then
            create table reelbase_archive.showcase_items as
            select * from public.showcase_items as s where s.author_id is not null;
        end if;
        delete from public.showcase_items as s where s.author_id is not null;

        drop policy showcase_items_of_ours_are_closed_to_clients on public.showcase_items;
        -- Rules and indexes go with their columns.
        foreach v_column in array array[
            'title', 'image_url', 'video_url', 'thumbnail_url', 'content_type', 'author_id', 'source_task_id',
            'source_image_id', 'item_status', 'status_reason', 'show_prompt', 'featured_position', 'like_count',
            'submitted_at', 'published_at'
        ] loop
            if v_column <> all (v_showcase.had_columns) then
                execute format('alter table public.showcase_items drop column %I', v_column);
            end if;
        end loop;
    end if;

    if v_profiles.name is not null and not v_keeps and 'display_name' <> all (v_profiles.had_columns) then
        alter table public.profiles drop column if exists display_name;
    end if;
end
$$;

-- Our own tables: what is kept moves, the rest is dropped.
do $$
declare
    v_command text;
begin
    for v_command in
        select 'drop table ' || string_agg(t.oid::regclass::text, ', ')
        from pg_temp.our_tables as t
        where t.kind = 'table' and not t.is_kept
        having count(*) > 0
        union all
        select format('alter table %s set schema reelbase_archive', t.oid::regclass)
        from pg_temp.our_tables as t
        where t.is_kept
        union all
        select format('alter function %s set schema reelbase_archive', f.oid::regprocedure)
        from pg_temp.our_functions as f
        where f.is_kept
    loop
        execute v_command;
    end loop;

    if to_regnamespace('reelbase_archive') is not null then
        revoke all on all tables in schema reelbase_archive from anon, authenticated, service_role;
    end if;
end
$$;

-- The schemas, unless they hold something of yours or were yours from the beginning, and the worker's role.
do $$
begin
    drop schema worker_api;
    if obj_description(to_regnamespace('private'), 'pg_namespace') like 'Logic and state of Reelbase%' then
        drop schema private;
    end if;
exception
    when dependent_objects_still_exist then
        raise warning 'a schema stays, because it holds objects of yours: %', sqlerrm;
end
$$;

do $$
begin
    drop role if exists video_worker;
exception
    when dependent_objects_still_exist or insufficient_privilege then
        raise warning 'the role video_worker stays: %', sqlerrm;
end
$$;

-- So that a later `supabase db push` installs again.
do $$
begin
    if to_regclass('supabase_migrations.schema_migrations') is not null then
        delete from supabase_migrations.schema_migrations as m
        where (m.version, m.name) in (
            ('20261123000100', 'foundation'), ('20261123000200', 'configuration'), ('20261123000300', 'accounts'),
            ('20261123000400', 'catalogue'), ('20261123000500', 'videos'), ('20261123000600', 'lifecycle'),
            ('20261123000700', 'worker_api'), ('20261123000800', 'client_api'), ('20261123000900', 'operations'),
            ('20261123001000', 'storage'),
            ('20261128040000', 'one_goodwill'), ('20261128040100', 'admin_settlement'),
            ('20261128041000', 'administration'),
            ('20261128041100', 'administration_accounts_index'), ('20261128041110', 'administration_tasks_index'),
            ('20261128041120', 'administration_ledger_index'), ('20261128041200', 'administration_views'),
            ('20261128042000', 'history'),
            ('20261128044000', 'payments'), ('20261128044100', 'payments_name_their_entry'),
            ('20261128044200', 'payment_functions'), ('20261128044300', 'audit_of_payments'),
            ('20261128045000', 'claims_of_configured_providers'),
            ('20261128043000', 'showcase_settings'), ('20261128043100', 'showcase'),
            ('20261128043200', 'prompt_optimizer'),
            ('20261128060000', 'alerts_and_orphans'), ('20261128060100', 'estimates_and_announcements'),
            ('20261128070000', 'one_lock_for_a_like'),
            ('20261128074000', 'recorded_images_are_forgotten_wherever_they_lie'),
            ('20261128075000', 'an_account_is_not_made_for_who_is_being_deleted')
        );
    end if;
end
$$;

commit;

-- What is left, and how to be rid of it.
select
    'bucket ' || b.id as left_behind,
    'Empty and delete it in the dashboard, or through the Storage API.' as to_be_rid_of_it
from storage.buckets as b
where b.id in ('videos', 'reference-images', 'showcase')
union all
select
    'Vault secret ' || s.name as left_behind,
    'Delete it in the dashboard: Integrations > Vault.' as to_be_rid_of_it
from vault.secrets as s
where s.name in ('worker_url', 'worker_token')
union all
select
    'schema reelbase_archive' as left_behind,
    'drop schema reelbase_archive cascade;' as to_be_rid_of_it
where to_regnamespace('reelbase_archive') is not null
union all
select
    'default privileges of postgres: closed' as left_behind,
    'functions_py/docs/live-project.md says how to open them again.' as to_be_rid_of_it;
