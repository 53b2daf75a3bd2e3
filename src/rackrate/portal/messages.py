"""Messages: one catalogue, keyed by the English text, with named parameters."""

import json
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup, escape

LANGUAGES: Mapping[str, str] = {"en": "en", "zh": "zh-CN"}


def msg(key: str) -> str:
    """Marks a text in a program that is said through the catalogue, so that a test finds it."""
    return key


class Catalogue:
    """What is said in each language. English is its own key; the other languages are written."""

    def __init__(self, folder: Path = Path(__file__).parent / "messages") -> None:
        self.written: dict[str, Mapping[str, str]] = {"en": {}}
        for language in LANGUAGES:
            path = folder / f"{language}.json"
            if path.exists():
                self.written[language] = json.loads(path.read_text("utf-8"))

    def plain(self, language: str, key: str, /, **named: object) -> str:
        """A message as text, for titles and for charts."""
        return self.written[language].get(key, key).format(**named)

    def markup(self, language: str, key: str, /, **named: object) -> Markup:
        """A message for a page: what is put into it is escaped, unless it is markup itself."""
        return Markup(escape(self.written[language].get(key, key))).format(**named)


def language_of(asked: str, accepted: str) -> str:
    """The language that was chosen; else the first that the browser accepts and we speak."""
    if asked in LANGUAGES:
        return asked
    for part in accepted.split(","):
        primary = part.split(";")[0].strip().lower().partition("-")[0]
        if primary in LANGUAGES:
            return primary
    return "en"
