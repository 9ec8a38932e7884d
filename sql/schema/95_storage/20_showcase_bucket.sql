-- showcase  <random>.<ending>: copies of what users show, made and deleted by the worker. Public: who has a name can
--           read the file, and no policy lets anybody list the names.
--
-- A private bucket of that name is the host application's, and nothing of it may become public.
do $$
begin
    if exists (select from storage.buckets as b where b.id = 'showcase' and not b.public) then
        raise exception 'there is a private bucket showcase already'
            using hint = 'Move its files to another bucket and delete it, then push again.';
    end if;
end
$$;

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
('showcase', 'showcase', true, 524288000, '{video/mp4,image/png,image/jpeg,image/webp}')
on conflict (id) do update
    set
        file_size_limit = excluded.file_size_limit,
        allowed_mime_types = excluded.allowed_mime_types;
