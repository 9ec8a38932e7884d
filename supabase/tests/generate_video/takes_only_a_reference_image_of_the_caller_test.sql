begin;
select plan(19);

select tests.create_rich_user(1000) as ann \gset
select tests.create_rich_user(1000) as bob \gset
select tests.configure('video_concurrent_limit', '100');
insert into storage.objects (bucket_id, name) values
('reference-images', :'ann' || '/fox.png'),
('reference-images', :'bob' || '/cow.png'),
('reference-images', 'fox.png'),
('videos', :'ann' || '/clip.mp4');
insert into storage.buckets (id, name) values ('host-app', 'host-app');
insert into storage.objects (bucket_id, name) values ('host-app', 'made/1.png'), ('host-app', 'made/3.png');
insert into public.image_generation_history (user_id, bucket, path)
values (:'ann', 'host-app', 'made/1.png') returning id as ann_image \gset
insert into public.image_generation_history (user_id, bucket, path)
values (:'bob', 'host-app', 'made/2.png') returning id as bob_image \gset
insert into public.image_generation_history (user_id, bucket, path, deleted_at)
values (:'ann', 'host-app', 'made/3.png', private.now()) returning id as deleted_image \gset
insert into public.image_generation_history (user_id, bucket, path)
values (:'ann', 'host-app', 'made/4.png') returning id as lost_image \gset

create function pg_temp.image_of(p_user_id text, p_path text, p_image_id text default null) returns text
language plpgsql
as $$
declare
    v_error jsonb;
begin
    perform tests.act_as(p_user_id::uuid);
    v_error := tests.error_of(
        format(
            'select public.generate_video(''a fox'', reference_image_path => %L, reference_image_id => %L, '
            'idempotency_key => ''last'')', p_path, p_image_id
        )
    );
    perform tests.stop_acting();
    if v_error is not null then
        return concat_ws(' ', v_error ->> 'code', v_error #>> '{details,parameter}');
    end if;
    update public.video_generation_history set idempotency_key = id where idempotency_key = 'last'
    returning concat_ws(' ', reference_image_bucket, reference_image_path) into p_path;
    return p_path;
end
$$;

select is(
    pg_temp.image_of(:'ann', :'ann' || '/fox.png'), 'reference-images ' || :'ann' || '/fox.png',
    'one in her own folder'
);
select is(pg_temp.image_of(:'ann', :'bob' || '/cow.png'), 'image_not_found', 'not one of somebody else');
select is(pg_temp.image_of(:'ann', :'ann' || '/cow.png'), 'image_not_found', 'not one there is not');
select is(pg_temp.image_of(:'ann', 'fox.png'), 'image_not_found', 'not one in no folder');
select is(pg_temp.image_of(:'ann', :'ann' || '/clip.mp4'), 'image_not_found', 'not one in another bucket');
select is(pg_temp.image_of(:'ann', ''), 'image_not_found', 'not an empty path');
select is(
    pg_temp.image_of(:'ann', :'ann' || '/../' || :'bob' || '/cow.png'), 'image_not_found', 'not by a way round'
);
select is(pg_temp.image_of(:'ann', :'ann' || '/%'), 'image_not_found', 'a path is no pattern');

select is(
    pg_temp.image_of(:'ann', null, :'ann_image'), 'host-app made/1.png', 'an image of hers by its id, in any bucket'
);
select is(pg_temp.image_of(:'ann', null, :'bob_image'), 'image_not_found', 'not one of somebody else');
select is(pg_temp.image_of(:'ann', null, :'deleted_image'), 'image_not_found', 'not one she deleted');
select is(pg_temp.image_of(:'ann', null, :'lost_image'), 'image_not_found', 'not one whose file is gone');
select is(pg_temp.image_of(:'ann', null, gen_random_uuid()::text), 'image_not_found', 'not one there is not');
select is(
    pg_temp.image_of(:'ann', :'ann' || '/fox.png', :'ann_image'), 'invalid_parameter reference_image_id', 'not two'
);
select is(
    tests.error_of(format('select private.find_reference_image(%L, ''no'', null)', :'ann')) ->> 'status', '404',
    'the status is 404'
);

update public.video_models set has_reference_image = false where id = 'veo-3.1';
select is(
    pg_temp.image_of(:'ann', :'ann' || '/fox.png'), 'invalid_parameter reference_image_path',
    'a model that takes no image refuses the path'
);
select is(
    pg_temp.image_of(:'ann', null, :'ann_image'), 'invalid_parameter reference_image_id', 'and the id'
);
select is(pg_temp.image_of(:'ann', null), '', 'and takes an order without one');
select tests.violates(
    $$update public.video_generation_history set reference_image_path = null where reference_image_path is not null$$,
    'reference_image_has_bucket_and_path'
);

select finish();
rollback;
