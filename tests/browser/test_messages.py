"""One catalogue of messages: nothing is missing, nothing is said past it, nothing lies in it."""

import json
import re
from pathlib import Path

import pytest

from rackrate.core.access import Verb
from rackrate.portal.acts import VERB_NAMES
from tests.browser.catalogue import (
    PORTAL,
    TEMPLATES,
    raw_words,
    spoken_by_programs,
    spoken_by_templates,
)

CHINESE: dict[str, str] = json.loads((PORTAL / "messages" / "zh.json").read_text("utf-8"))
SPOKEN = spoken_by_templates() | spoken_by_programs()
# Names, units and examples: the same in every language.
UNTRANSLATED = frozenset(
    {"Rackrate", "SKU", "GB", "GiB", "kW", "CN", "rr_…", "AAAA…", "ssh-ed25519"}
    | {"example-studio", "python", "train.py"}
)
PARAMETER = re.compile(r"\{(\w+)\}")


def test_every_message_is_written_in_chinese() -> None:
    assert not sorted(SPOKEN.keys() - CHINESE.keys())


def test_no_message_is_written_that_nothing_says() -> None:
    assert not sorted(CHINESE.keys() - SPOKEN.keys())


@pytest.mark.parametrize("key", sorted(CHINESE))
def test_a_message_names_the_same_parameters_in_both_languages(key: str) -> None:
    assert set(PARAMETER.findall(key)) == set(PARAMETER.findall(CHINESE[key]))
    assert CHINESE[key].strip()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.name))
def test_a_template_says_nothing_past_the_catalogue(path: Path) -> None:
    assert not sorted(set(raw_words(path)) - UNTRANSLATED)


def test_chinese_parts_itself_from_figures_and_latin_with_a_space() -> None:
    han = "\N{CJK UNIFIED IDEOGRAPH-4E00}-\N{CJK UNIFIED IDEOGRAPH-9FA5}"
    tight = re.compile(rf"[{han}][A-Za-z0-9{{]|[A-Za-z0-9}}][{han}]")
    assert not {key: text for key, text in CHINESE.items() if tight.search(text)}


def test_the_audit_log_has_words_for_every_verb() -> None:
    assert set(VERB_NAMES) == set(Verb)


def test_messages_neither_beg_nor_cheer() -> None:
    for key, text in CHINESE.items():
        assert not re.search(r"!|please|successfully|sorry", key, re.IGNORECASE), key
        assert not re.search("[!！]|请您|成功|抱歉", text), text
