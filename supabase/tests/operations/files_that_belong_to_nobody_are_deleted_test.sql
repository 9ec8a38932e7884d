-- Rows of Storage without a task or a user become file jobs; what is not of our making is left alone.
begin;
select plan(7);

select tests.set_time('2031-03-05 10:00:00+00');
delete from private.file_jobs;
select tests.configure('video_concurrent_limit', '100');
select tests.create_rich_user(10000) as user_id \gset
select tests.create_rich_user(1000) as leaver \gset
select tests.create_video(:'user_id', 'completed') as completed \gset
select tests.create_video(:'user_id', 'downloading') as live \gset
select tests.create_video(:'user_id', 'failed') as failed \gset
select gen_random_uuid() as nobody \gset
insert into storage.buckets (id, name) values ('host-images', 'host-images');
insert into storage.objects (bucket_id, name) values
('videos', :'user_id' || '/' || :'live' || '.mp4'),
('videos', :'user_id' || '/' || :'failed' || '.mp4'),
('videos', :'user_id' || '/' || :'completed' || '.jpg'),
('videos', :'user_id' || '/' || :'nobody' || '.mp4'),
('videos', 'intro.mp4'),
('reference-images', :'user_id' || '/cat.png'),
('reference-images', :'nobody' || '/cat.png'),
('reference-images', :'leaver' || '/later.png'),
('reference-images', 'logo.png'),
('host-images', :'nobody' || '/cat.png');
update auth.users set deleted_at = private.now() where id = :'leaver';
delete from private.file_jobs;

update storage.objects set created_at = private.now() - interval '48 hours';
select is(private.queue_orphans(100), 0, 'a file that is younger than any task can live is left alone');
update storage.objects set created_at = private.now() - interval '48 hours 1 second';
select is(private.queue_orphans(2), 2, 'no more than one asks for');
select is(private.queue_orphans(100), 3, 'then the rest');
select set_eq(
    'select f.kind, f.bucket, f.path from private.file_jobs as f',
    format(
        $$values
        ('delete', 'videos', '%1$s/%2$s.mp4'), ('delete', 'videos', '%1$s/%3$s.jpg'),
        ('delete', 'videos', '%1$s/%4$s.mp4'), ('delete', 'reference-images', '%4$s/cat.png'),
        ('delete', 'reference-images', '%5$s/later.png')$$,
        :'user_id', :'failed', :'completed', :'nobody', :'leaver'
    ),
    'those of failed tasks, of no task, a poster that was not recorded, and images of users who are gone'
);
select is(private.queue_orphans(100), 0, 'none is queued twice');
delete from private.file_jobs;
insert into net._http_response (id, created) values
(-1, private.now() - interval '7 days 1 second'),
(-2, private.now());
select private.clean_up();
select is((select count(*) from private.file_jobs), 5::bigint, 'the nightly clean-up does it');
select set_eq(
    'select r.id from net._http_response as r where r.id < 0', '{-2}'::bigint[],
    'and forgets what pg_net was answered a week ago'
);

select finish();
rollback;
