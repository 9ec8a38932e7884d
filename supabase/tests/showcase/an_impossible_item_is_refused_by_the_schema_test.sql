begin;
select plan(14);

select tests.create_rich_user() as ann \gset
select tests.create_video(:'ann', 'completed') as task_id \gset
select tests.act_as(:'ann');
select public.publish_to_showcase(:'task_id') ->> 'id' as item_id \gset
select tests.stop_acting();

create function pg_temp.change(p_set text) returns text
language sql
as $$select 'update public.showcase_items set ' || p_set$$;

select tests.violates(
    $$insert into public.showcase_items (content_type) values ('sound')$$, 'showcase_content_type_is_known'
);
select tests.violates(pg_temp.change('item_status = ''seen'''), 'item_status_is_known');
select tests.violates(pg_temp.change('author_id = null'), 'item_shows_one_source');
select tests.violates(pg_temp.change('source_task_id = null'), 'item_shows_one_source');
select tests.violates(pg_temp.change('source_image_id = gen_random_uuid()'), 'item_is_what_its_source_is');
select tests.violates(pg_temp.change('content_type = ''image'''), 'item_is_what_its_source_is');
select tests.violates(pg_temp.change('title = repeat(''x'', 121)'), 'title_of_an_item_is_short');
select tests.violates(pg_temp.change('item_status = ''rejected'''), 'refused_items_say_why');
select tests.violates(pg_temp.change('item_status = ''published'''), 'published_items_are_dated');
select tests.violates(pg_temp.change('featured_position = 1'), 'only_published_items_are_featured');
select tests.violates(
    pg_temp.change('item_status = ''published'', published_at = now(), featured_position = 6'),
    'carousel_has_five_places'
);
select tests.violates(pg_temp.change('like_count = -1'), 'like_count_is_never_negative');
select tests.violates(
    $$insert into public.showcase_items (author_id, source_task_id, content_type)
      select author_id, source_task_id, content_type from public.showcase_items$$, 'source_is_shown_once'
);
select tests.violates(
    $$insert into private.file_jobs (kind, bucket, path) values ('copy', 'showcase', 'x')$$, 'only_copies_have_a_source'
);

select finish();
rollback;
