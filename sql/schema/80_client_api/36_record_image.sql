-- Notes an image that is in Storage already, so that it shows in the history and can be the first frame of a clip.
--
-- A user records what lies in his own folder (<user id>/...) of a bucket that video_image_buckets names. The host
-- application (service_role) records any image for the user whom it names. The same object again is answered with the
-- first record. Locks the account. Raises invalid_parameter, image_not_found, user_not_found, and idempotency_conflict
-- when the object is recorded for somebody else.
create function private.record_image(
    p_prompt text,
    p_bucket text,
    p_path text,
    p_width integer,
    p_height integer,
    p_user_id uuid
) returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
    v_is_service boolean := coalesce(auth.role() = 'service_role', false);
    v_user_id uuid;
    v_settings private.settings;
    v_object record;
    v_image public.image_generation_history;
begin
    select * into v_settings from private.settings;

    if v_is_service then
        v_user_id := p_user_id;
        if v_user_id is null then
            perform private.refuse_parameter('user_id', '"the owner of the image"', 'Name the owner of the image.');
        end if;
        if not exists (select from auth.users as u where u.id = v_user_id and u.deleted_at is null) then
            perform private.raise_error('user_not_found', 'There is no such user.');
        end if;
    else
        v_user_id := private.current_user_id();
        if p_user_id <> v_user_id then
            perform private.refuse_parameter('user_id', 'null', 'An image is recorded for its owner alone.');
        end if;
    end if;
    if char_length(p_prompt) > 4000 then
        perform private.refuse_parameter(
            'prompt', '{"max_length": 4000}', 'The prompt must have at most 4000 characters.'
        );
    end if;
    if p_width not between 1 and 100000 or (p_width is null) <> (p_height is null) then
        perform private.refuse_parameter('width', '{"minimum": 1, "maximum": 100000}', 'width is out of range.');
    end if;
    if p_height not between 1 and 100000 then
        perform private.refuse_parameter('height', '{"minimum": 1, "maximum": 100000}', 'height is out of range.');
    end if;

    select o.metadata ->> 'mimetype' as mime_type into v_object
    from storage.objects as o
    where o.bucket_id = p_bucket
        and o.name = p_path
        and (
            v_is_service
            or split_part(o.name, '/', 1) = v_user_id::text
            and o.bucket_id = any (string_to_array(replace(v_settings.image_buckets, ' ', ''), ','))
        );
    if not found then
        perform private.raise_error(
            'image_not_found', 'The image was not found. Upload it to your own folder first.'
        );
    end if;
    if v_object.mime_type not like 'image/%' then
        perform private.refuse_parameter('path', '["image/*"]', 'This file is no image.');
    end if;

    perform private.lock_account(v_user_id);
    insert into public.image_generation_history (user_id, prompt, bucket, path, width, height)
    values (v_user_id, p_prompt, p_bucket, p_path, p_width, p_height)
    on conflict (bucket, path) where deleted_at is null do nothing
    returning * into v_image;

    if v_image.id is null then
        select * into v_image
        from public.image_generation_history as i
        where i.bucket = p_bucket and i.path = p_path and i.deleted_at is null;

        if v_image.user_id is distinct from v_user_id then
            perform private.raise_error(
                'idempotency_conflict', 'This image is recorded for another user.', '{"fields": ["user_id"]}'
            );
        end if;
    end if;

    return private.image_item(v_image);
end
$$;

comment on function private.record_image(text, text, text, integer, integer, uuid) is
'Notes an image of a user that is in Storage. See public.record_image.';
revoke all on function private.record_image(text, text, text, integer, integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function private.record_image(text, text, text, integer, integer, uuid)
to authenticated, service_role;

create function public.record_image(
    prompt text,
    bucket text,
    path text,
    width integer default null,
    height integer default null,
    user_id uuid default null
) returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
    select private.record_image(prompt, bucket, path, width, height, user_id);
end;

comment on function public.record_image(text, text, text, integer, integer, uuid) is
'Notes an image in Storage: {id, prompt, bucket, path, width, height, created_at}. user_id is for service_role.';
revoke all on function public.record_image(text, text, text, integer, integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.record_image(text, text, text, integer, integer, uuid)
to authenticated, service_role;
