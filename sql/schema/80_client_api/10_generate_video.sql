-- The RPCs of a user. Each is a thin security invoker wrapper over a definer function in private: names are bound
-- when the wrapper is made, so its callers need EXECUTE on the inner function and no USAGE on its schema.
--
-- Orders a video: deducts its price and queues it. An explicit null means the default.
-- Answer: {task_id, status, credit_cost, balance, estimated_seconds, created_at}.
-- Errors: see private.generate_video.
create function public.generate_video(
    prompt text,
    duration integer default 8,
    resolution text default '720p',
    aspect_ratio text default '16:9',
    negative_prompt text default null,
    reference_image_path text default null,
    reference_image_id uuid default null,
    model text default null,
    idempotency_key text default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.generate_video(
        prompt, duration, resolution, aspect_ratio, negative_prompt, reference_image_path, reference_image_id, model,
        idempotency_key
    );
end;

comment on function public.generate_video(text, integer, text, text, text, text, uuid, text, text) is
'Orders a video: {task_id, status, credit_cost, balance, estimated_seconds, created_at}. Give an idempotency_key.';
revoke all on function public.generate_video(text, integer, text, text, text, text, uuid, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.generate_video(text, integer, text, text, text, text, uuid, text, text)
to authenticated;
