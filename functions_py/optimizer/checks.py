"""Whether what the text model wrote may take the place of the user's own prompt."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from functions_py.optimizer.outcome import NotRewrittenError

if TYPE_CHECKING:
    from functions_py.optimizer.model import Rewritten

_QUOTED: Final = re.compile(r'"([^"]+)"|“([^”]+)”|„([^“”]+)[“”]|«([^»]+)»|「([^」]+)」')
"""Spoken words, or words to be read, in the quotation marks of several languages."""
_SAID: Final = re.compile(
    r"\b(?:says?|said|asks?|shouts?|whispers?|replies|sings?)\s*:\s*([^\"“„«「\n.!?]+[.!?]?)"
)
"""The same without quotation marks, as Google's guide for Vertex has it."""


def checked(original: str, rewritten: Rewritten, max_length: int) -> Rewritten:
    """The prompt on one line, if it can be used. Raises NotRewrittenError malformed or too_long."""
    prompt, negative = _tidy(rewritten.prompt), _tidy(rewritten.negative_prompt)
    if max(len(prompt), len(negative)) > max_length:
        raise NotRewrittenError("too_long")
    if not prompt or not _is_english(prompt, original):
        raise NotRewrittenError("malformed")
    if any(words not in prompt for words in dialogue(original)):
        raise NotRewrittenError("malformed")
    return rewritten.model_copy(update={"prompt": prompt, "negative_prompt": negative})


def dialogue(prompt: str) -> list[str]:
    """The words of a prompt that must come back exactly as they are."""
    quoted = [next(words for words in found if words) for found in _QUOTED.findall(prompt)]
    return [_tidy(words) for words in [*quoted, *_SAID.findall(prompt)] if words.strip()]


def _tidy(text: str) -> str:
    """On one line, without characters that nobody sees."""
    seen = "".join(" " if unicodedata.category(each) in {"Cc", "Zl", "Zp"} else each for each in text)
    return " ".join(seen.split())


def _is_english(prompt: str, original: str) -> bool:
    """Mostly Latin letters, dialogue aside: a model that did not translate is noticed by its script."""
    for words in dialogue(original):
        prompt = prompt.replace(words, "")
    letters = [each for each in prompt if each.isalpha()]
    return 2 * sum(each.isascii() for each in letters) >= len(letters)
