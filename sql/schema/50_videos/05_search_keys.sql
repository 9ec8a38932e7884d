-- Search in texts of any language, by any part of a word, with an index: what pg_trgm does, for what it cannot do.
--
-- A text is found by every one, two and three letters that stand next to each other in it. pg_trgm's index knows three
-- alone, so a word of one or two letters would read every row, and most words of Chinese, Japanese and Korean are that
-- short. A key is a hash of the letters and of whose text it is: a search never touches another user's rows, and
-- costs what his own collection costs. A hash may collide, so what the index finds is looked at again.

-- The form in which texts and searches are compared: no case, one form of each letter, single spaces.
create function private.search_text(p_text text) returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
    select btrim(regexp_replace(lower(normalize(p_text, nfkc)), '\s+', ' ', 'g'))
$$;

comment on function private.search_text(text) is 'The form in which texts and searches are compared.';
revoke all on function private.search_text(text) from public, anon, authenticated, service_role;

-- What a text of this user is found by.
create function private.search_keys(p_user_id uuid, p_text text) returns bigint[]
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
    select array_agg(distinct hashtextextended(g.letters, uuid_hash_extended(p_user_id, 0)))
    from (
        select
            c.letter,
            lead(c.letter) over following as second,
            lead(c.letter, 2) over following as third
        from unnest(string_to_array(private.search_text(p_text), null)) with ordinality as c (letter, place)
        window following as (order by c.place)
    ) as l
    cross join lateral (
        values (l.letter), (l.letter || l.second), (l.letter || l.second || l.third)
    ) as g (letters)
    where strpos(g.letters, ' ') = 0
$$;

comment on function private.search_keys(uuid, text) is 'What a text of a user is found by; for an index.';
revoke all on function private.search_keys(uuid, text) from public, anon, authenticated, service_role;

-- What the text must be found by if it contains all of these words.
create function private.search_keys_of_words(p_user_id uuid, p_words text[]) returns bigint[]
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
    select array_agg(distinct hashtextextended(substr(w.word, p.place, 3), uuid_hash_extended(p_user_id, 0)))
    from unnest(p_words) as w (word)
    cross join lateral generate_series(1, greatest(char_length(w.word) - 2, 1)) as p (place)
$$;

comment on function private.search_keys_of_words(uuid, text[]) is 'What a text with all of these words is found by.';
revoke all on function private.search_keys_of_words(uuid, text[]) from public, anon, authenticated, service_role;

create function private.has_words(p_text text, p_words text[]) returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
    select coalesce(bool_and(strpos(private.search_text(p_text), w.word) > 0), true)
    from unnest(p_words) as w (word)
$$;

comment on function private.has_words(text, text[]) is 'Whether a text contains each word, anywhere.';
revoke all on function private.has_words(text, text[]) from public, anon, authenticated, service_role;
