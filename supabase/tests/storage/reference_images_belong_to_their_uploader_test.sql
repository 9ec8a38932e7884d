begin;
select plan(30);

select tests.create_user() as ann \gset
select tests.create_user() as bob \gset
insert into storage.objects (bucket_id, name) values ('reference-images', :'bob' || '/cow.png');
-- Storage itself is the only one who deletes rows by SQL.
select set_config('storage.allow_delete_query', 'true', true) as ignored \gset

create function pg_temp.uploads(p_name text, p_bucket text default 'reference-images') returns text
language plpgsql
as $$
begin
    insert into storage.objects (bucket_id, name) values (p_bucket, p_name);
    return 'uploaded';
exception
    when insufficient_privilege then
        return 'refused';
end
$$;
grant execute on function pg_temp.uploads(text, text) to public;

select tests.act_as(:'ann');
select is(pg_temp.uploads(:'ann' || '/fox.png'), 'uploaded', 'into her own folder');
select is(pg_temp.uploads(:'ann' || '/fox (1) é.png'), 'uploaded', 'under any plain name');
select is(pg_temp.uploads(:'ann' || '/.hidden'), 'uploaded', 'also one that begins with a dot');
select is(pg_temp.uploads(:'bob' || '/fox.png'), 'refused', 'not into Bob''s');
select is(pg_temp.uploads('fox.png'), 'refused', 'not into no folder');
select is(pg_temp.uploads('/fox.png'), 'refused', 'nor one without a name');
select is(pg_temp.uploads(:'ann'), 'refused', 'not in place of her folder');
select is(pg_temp.uploads(:'ann' || '/'), 'refused', 'not without a name');
select is(pg_temp.uploads(:'ann' || '/a/fox.png'), 'refused', 'not into a folder in her folder');
select is(pg_temp.uploads(:'ann' || '//fox.png'), 'refused', 'not with an empty part');
select is(pg_temp.uploads(:'ann' || '/../' || :'bob' || '/fox.png'), 'refused', 'not out of it by two dots');
select is(pg_temp.uploads(:'ann' || '/..'), 'refused', 'nor with two dots for a name');
select is(pg_temp.uploads(:'ann' || '/.'), 'refused', 'or one');
select is(pg_temp.uploads('../' || :'ann' || '/fox.png'), 'refused', 'nor into it from elsewhere');
select is(pg_temp.uploads(upper(:'ann') || '/fox.png'), 'refused', 'a folder has one way to be written');
select is(pg_temp.uploads(:'ann' || 'x/fox.png'), 'refused', 'no folder that begins like hers');
select is(pg_temp.uploads(:'ann' || '/clip.mp4', 'videos'), 'refused', 'not into the bucket of videos');

select throws_ok(
    format(
        $$insert into storage.objects (bucket_id, name) values ('reference-images', %L)
        on conflict (bucket_id, name) do update set version = 'other'$$, :'ann' || '/fox.png'
    ), '42501', null, 'her own image is not overwritten: a task was paid with it'
);
update storage.objects set version = 'other', metadata = '{}';
select is_empty($$select from storage.objects where version = 'other'$$, 'nor changed');
update storage.objects set name = :'ann' || '/moved.png' where name = :'ann' || '/fox.png';
select is_empty(
    format('select from storage.objects where name = %L', :'ann' || '/moved.png'), 'nor moved'
);
update storage.objects set bucket_id = 'videos' where name = :'ann' || '/fox.png';
select is_empty($$select from storage.objects where bucket_id = 'videos'$$, 'nor moved to another bucket');

select is(
    (select count(*) from storage.objects), 3::bigint, 'she sees her three, and not Bob''s'
);
select is_empty(
    format('select from storage.objects where name like %L', :'bob' || '/%'), 'not even when she knows where to look'
);
delete from storage.objects where name = :'bob' || '/cow.png';
select tests.stop_acting();
select is(
    (select count(*) from storage.objects where name = :'bob' || '/cow.png'), 1::bigint, 'she cannot remove Bob''s'
);
select tests.act_as(:'ann');
delete from storage.objects where name = :'ann' || '/fox.png';
select is((select count(*) from storage.objects), 2::bigint, 'but her own');

select tests.act_as_role('anon');
select is_empty('select from storage.objects', 'a visitor sees nothing');
select is(pg_temp.uploads(:'ann' || '/other.png'), 'refused', 'and uploads nothing');
select is(pg_temp.uploads('fox.png'), 'refused', 'nowhere');
delete from storage.objects;
select tests.act_as_role('authenticated');
select is_empty('select from storage.objects', 'a token without a user sees nothing');
select is(pg_temp.uploads('/fox.png'), 'refused', 'and uploads nothing');

select finish();
rollback;
