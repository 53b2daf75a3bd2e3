"""The words of documents, in English and Chinese: one catalogue, keyed by the English text."""

import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path


class Language(StrEnum):
    EN = "en"
    ZH = "zh"


@cache
def chinese() -> Mapping[str, str]:
    text = Path(__file__).with_name("words.zh.json").read_text("utf-8")
    words: dict[str, str] = json.loads(text)
    return words


class Words:
    """Says a text in a language, with its named parts filled in."""

    def __init__(self, language: Language) -> None:
        self.english = language is Language.EN
        self._written: Mapping[str, str] = {} if self.english else chinese()

    def __call__(self, key: str, /, **named: object) -> str:
        return self._written.get(key, key).format(**named)

    def knows(self, key: str) -> bool:
        return self.english or key in self._written
