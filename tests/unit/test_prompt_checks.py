"""What a text model wrote replaces the user's words only if it can be used and keeps his dialogue."""

from __future__ import annotations

import pytest

from functions_py.optimizer.checks import checked, dialogue
from functions_py.optimizer.guide import instruction
from functions_py.optimizer.model import Rewritten
from functions_py.optimizer.outcome import NotRewrittenError


def refused(original: str, prompt: str, negative: str = "") -> str:
    with pytest.raises(NotRewrittenError) as caught:
        checked(original, Rewritten(prompt=prompt, negative_prompt=negative), 60)
    return caught.value.outcome


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a fox", []),
        ('A man says "Hello there."', ["Hello there."]),
        ("Sie ruft „Komm!“ und er “no”", ["Komm!", "no"]),
        ("Il dit «Bonjour» 「こんにちは」", ["Bonjour", "こんにちは"]),
        ("The man in the red hat says: Where is the rabbit? Then he runs.", ["Where is the rabbit?"]),
        ('a sign ""', []),
    ],
)
def test_dialogue_is_found_in_any_quotation_marks(prompt: str, words: list[str]) -> None:
    assert dialogue(prompt) == words


def test_a_usable_answer_comes_back_on_one_line() -> None:
    answer = Rewritten(prompt=" A fox,\n\n slowly.\u2028 ", negative_prompt="blur,\ttext\x00")
    assert checked("fox", answer, 60) == Rewritten(prompt="A fox, slowly.", negative_prompt="blur, text")


def test_characters_are_counted_as_the_database_counts_them() -> None:
    assert len(checked("x", Rewritten(prompt="🦊" + "x" * 59), 60).prompt) == 60
    assert refused("x", "🦊" + "x" * 60) == "too_long"
    assert refused("x", "fox", "b" * 61) == "too_long"


def test_what_cannot_be_used_is_refused() -> None:
    assert refused("fox", " \n ") == "malformed"
    assert refused("狐", "雪の中の赤い狐、ゆっくりと") == "malformed"
    assert refused('He says "Guten Tag"', 'He says "Good day"') == "malformed"
    assert refused("She says: Komm her!", "She says: Come here!") == "malformed"


def test_dialogue_in_another_script_does_not_count_as_untranslated() -> None:
    original = "彼は「こんにちは、みなさん、お元気ですか」と言う"
    answer = Rewritten(prompt="A man says 「こんにちは、みなさん、お元気ですか」 softly.")
    assert checked(original, answer, 60).prompt == answer.prompt


def test_each_kind_of_prompt_has_its_own_guide() -> None:
    video, image = instruction("video", 500), instruction("image", 500)
    assert all(word in video for word in ("camera", "scene", "light", "sound", "500 characters", "English"))
    assert all(word in image for word in ("composition", "style", "light", "500 characters", "English"))
    assert "camera:" not in image
