-- Buckets and who may touch their files.
-- First version: made from sql/schema/95_storage, where each object stands in a file of its own.

set lock_timeout = '5s';
set statement_timeout = '60s';

-- Where files live, and who may touch them.
--
-- videos            <user>/<task>.mp4 and .jpg: written by the worker, read by their owner, listed by nobody else
-- reference-images  <user>/<name>: uploaded, read and removed by their owner; never overwritten, because a task
--                   that was paid with one image must not be made from another
--
-- The path is held to one folder, the user's own: a plain name in it, no dots-only part, no empty part.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
('videos', 'videos', false, 524288000, '{video/mp4,image/jpeg,image/webp}'),
('reference-images', 'reference-images', false, 20971520, '{image/png,image/jpeg}')
on conflict (id) do update
    set
        public = excluded.public,
        file_size_limit = excluded.file_size_limit,
        allowed_mime_types = excluded.allowed_mime_types;

create policy videos_are_read_by_their_owner on storage.objects
for select to authenticated
using (
    bucket_id = 'videos'
    and (storage.foldername(name))[1] = (select auth.uid()::text)
);

create policy reference_images_are_read_by_their_owner on storage.objects
for select to authenticated
using (
    bucket_id = 'reference-images'
    and (storage.foldername(name))[1] = (select auth.uid()::text)
);

create policy reference_images_are_uploaded_to_the_own_folder on storage.objects
for insert to authenticated
with check (
    bucket_id = 'reference-images'
    and (storage.foldername(name))[1] = (select auth.uid()::text)
    and array_length(storage.foldername(name), 1) = 1
    and storage.filename(name) !~ '^\.{0,2}$'
);

create policy reference_images_are_removed_by_their_owner on storage.objects
for delete to authenticated
using (
    bucket_id = 'reference-images'
    and (storage.foldername(name))[1] = (select auth.uid()::text)
);
