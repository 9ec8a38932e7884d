begin;
select plan(33);

select tests.create_rich_user() as ann \gset
select tests.create_rich_user() as bob \gset
insert into public.image_generation_history (user_id, prompt, bucket, path, created_at)
select u.user_id::uuid, p.prompt, 'host-app', u.user_id || '/' || p.place, now() - p.place * interval '1 minute'
from (values (:'ann'), (:'bob')) as u (user_id)
cross join unnest(
    array[
        'A red fox in the snow', 'FOXGLOVES at 100% bloom', '赤い橋と桜', '猫', 'Кошка на крыше', 'ÉCLAIR, crème brûlée',
        'under_score and back\slash', E'two\nlines', 'ｆｕｌｌ　ｗｉｄｔｈ', E'cafe\u0301', '숲속의 여우', 'ثعلب أحمر', '🦊 emoji'
    ]
) with ordinality as p (prompt, place);
insert into public.image_generation_history (user_id, prompt, bucket, path)
values (:'ann', null, 'host-app', 'without a prompt');
-- Behind a crowd: what is not among the newest is found by the index.
create function pg_temp.crowd(p_user_id text) returns void
language sql
as $$
    insert into public.image_generation_history (user_id, prompt, bucket, path)
    select p_user_id::uuid, 'zzz', 'crowd', p_user_id || n
    from generate_series(1, 300) as n
$$;

create function pg_temp.found(p_search text) returns text
language sql
as $$
    select string_agg(i ->> 'prompt', ' | ')
    from jsonb_array_elements(public.search_images(p_search) -> 'items') as i
$$;
grant execute on function pg_temp.found(text) to authenticated;

create temporary table searches (search text, prompt text, reason text);
insert into searches values
('fox', 'A red fox in the snow | FOXGLOVES at 100% bloom', 'inside of words, whatever the case'),
('snow fox', 'A red fox in the snow', 'all words, in any order'),
('red nothing', null, 'but all of them'),
('橋', '赤い橋と桜', 'a word of one letter'),
('橋と', '赤い橋と桜', 'of two'),
('猫', '猫', 'a prompt of one letter'),
('кошка', 'Кошка на крыше', 'Cyrillic, whatever the case'),
('éclair', 'ÉCLAIR, crème brûlée', 'letters with accents'),
('100%', 'FOXGLOVES at 100% bloom', 'a percent sign is itself'),
('%', 'FOXGLOVES at 100% bloom', 'also alone'),
('r_s', 'under_score and back\slash', 'an underscore is itself'),
('k\s', 'under_score and back\slash', 'a backslash is itself'),
('two lines', E'two\nlines', 'over the end of a line'),
('full width', 'ｆｕｌｌ　ｗｉｄｔｈ', 'wide letters are letters'),
('여우', '숲속의 여우', 'Korean'),
('🦊', '🦊 emoji', 'signs beyond the basic plane');
grant select on searches to authenticated;

select tests.act_as(:'ann');
select is(pg_temp.found(s.search), s.prompt, 'among the newest: ' || s.reason) from searches as s;
select tests.stop_acting();
select pg_temp.crowd(:'ann');
select tests.act_as(:'ann');
select is(pg_temp.found(s.search), s.prompt, 'by the index: ' || s.reason) from searches as s;
select tests.stop_acting();

select tests.act_as(:'bob');
select is(
    pg_temp.found(U&'caf\00e9') || pg_temp.found('أحمر'), E'cafe\u0301' || 'ثعلب أحمر',
    'a letter and its accent are one, from wherever they are written; Arabic'
);
select tests.stop_acting();

select finish();
rollback;
