-- What a client selects from: `from('videos').select('*')`.
create view public.videos
with (security_invoker = true)
as
select
    h.id,
    h.user_id,
    h.status,
    h.prompt,
    h.negative_prompt,
    h.aspect_ratio,
    h.resolution,
    h.duration,
    h.model,
    h.reference_image_bucket,
    h.reference_image_path,
    h.credit_cost,
    h.retry_of,
    h.permanent_video_url,
    h.thumbnail_url,
    h.file_size_bytes,
    h.width,
    h.height,
    h.video_duration,
    h.error_code,
    h.error_message,
    h.retry_count,
    h.created_at,
    h.completed_at,
    h.downloaded_at
from public.video_generation_history as h
where h.deleted_at is null;

comment on view public.videos is 'A user''s own tasks, with every column a client may read.';
revoke all on table public.videos from public, anon, authenticated, service_role;
grant select on table public.videos to authenticated, service_role;
