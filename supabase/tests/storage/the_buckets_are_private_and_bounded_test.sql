begin;
select plan(5);

select is(
    (
        select jsonb_object_agg(b.id, jsonb_build_array(b.public, b.file_size_limit, b.allowed_mime_types))
        from storage.buckets as b
        where b.id in ('videos', 'reference-images', 'showcase')
    ),
    '{
        "videos": [false, 524288000, ["video/mp4", "image/jpeg", "image/webp"]],
        "reference-images": [false, 20971520, ["image/png", "image/jpeg"]],
        "showcase": [true, 524288000, ["video/mp4", "image/png", "image/jpeg", "image/webp"]]
    }'::jsonb,
    'private but for the showcase, with a limit of size and the types they are for'
);
select is(
    (
        select jsonb_object_agg(p.policyname, p.cmd || ' to ' || array_to_string(p.roles, ','))
        from pg_catalog.pg_policies as p
        where p.schemaname = 'storage'
    ),
    '{
        "reference_images_are_read_by_their_owner": "SELECT to authenticated",
        "reference_images_are_removed_by_their_owner": "DELETE to authenticated",
        "reference_images_are_uploaded_to_the_own_folder": "INSERT to authenticated",
        "videos_are_read_by_their_owner": "SELECT to authenticated"
    }'::jsonb,
    'these are all the policies of Storage: nobody updates, visitors have none'
);

select tests.create_user() as user_id \gset
select tests.act_as(:'user_id');
select is_empty('select * from storage.buckets', 'a user lists no buckets');
select throws_ok(
    $$insert into storage.buckets (id, name) values ('mine', 'mine')$$, '42501', null, 'makes none'
);
update storage.buckets set public = true;
select tests.stop_acting();
select is((select array_agg(id) from storage.buckets where public), '{showcase}', 'and opens none');

select finish();
rollback;
