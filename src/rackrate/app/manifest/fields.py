"""Reading one document field by field: each with its type, and every mistake with its place."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

from rackrate.app.manifest.tree import Mapping, Node, Problem, Scalar, Sequence
from rackrate.core.ids import is_name
from rackrate.core.interval import zone
from rackrate.core.money import digits

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

LONGEST_TEXT = 500
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_DURATION = re.compile(r"([1-9][0-9]{0,5}) (second|minute|hour|day)s?")
_COUNTRY = re.compile(r"[A-Z]{2}")
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,120}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A document's mention of something that must be there: in these files, or already known."""

    kind: type
    id: str
    field: str
    file: str
    line: int


def closest(word: str, known: Collection[str]) -> str:
    """What would be right, as the end of a sentence: the nearest of `known`, or a few of them."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    if not known:
        return "there is none yet"
    shown = sorted(known)
    more = f" and {len(shown) - 8} more" if len(shown) > 8 else ""
    return f"known: {', '.join(shown[:8])}{more}"


class Fields:
    """One mapping of a document. A wrong field is noted, and stands for a harmless value."""

    def __init__(self, file: str, tree: Mapping, problems: list[Problem], within: str = "") -> None:
        self.file = file
        self.line = tree.line
        self.references: list[Reference] = []
        self._tree = tree
        self._problems = problems
        self._before = len(problems)
        self._within = within
        self._asked: dict[str, None] = {}

    # -- text and names -------------------------------------------------------------------------

    def text(self, field: str, default: str | None = None, longest: int = LONGEST_TEXT) -> str:
        scalar = self._scalar(field, default is None)
        if scalar is None:
            return default or ""
        text = scalar.text
        if not text.strip() and default is None:
            self.wrong(field, "is empty", scalar.line)
        elif len(text) > longest or not all(char.isprintable() for char in text):
            self.wrong(field, f"must be one line of at most {longest} characters", scalar.line)
        return text

    def name(self, field: str) -> str:
        """An identifier of ours."""
        text = self.text(field)
        if text and not is_name(text):
            self.wrong(
                field,
                f"{shown(text)} is not a name: 1 to 63 of a-z, 0-9, dot, dash and underscore, "
                "and it begins and ends with a letter or digit",
            )
        return text

    def reference(self, field: str, kind: type, required: bool = True) -> str:
        """The name of something else, which must exist once everything is read."""
        if not required and not self.has(field):
            return ""
        text = self.text(field)
        if text:
            self.refer(field, kind, text)
        return text

    def refer(self, field: str, kind: type, id: str) -> None:
        self.references.append(Reference(kind, id, field, self.file, self.line_of(field)))

    def choice(self, field: str, kind: type[E], default: E | None = None) -> E:
        text = self.text(field, default)
        known = [member.value for member in kind]
        if text in known:
            return kind(text)
        if text:
            self.wrong(field, f"{shown(text)} is unknown; {closest(text, known)}")
        return next(iter(kind))

    def one_of(self, field: str, known: Collection[str], default: str | None = None) -> str:
        text = self.text(field, default)
        if text and text not in known:
            self.wrong(field, f"{shown(text)} is unknown; {closest(text, known)}")
        return text

    def country(self, field: str) -> str:
        text = self.text(field)
        if text and not _COUNTRY.fullmatch(text):
            self.wrong(field, f"{shown(text)} is not two capital letters of ISO 3166, such as CN")
        return text

    def countries(self, field: str) -> tuple[str, ...]:
        """A list of countries, which may be left out."""
        node = self._node(field, False)
        if node is None:
            return ()
        items = node.items if isinstance(node, Sequence) else ()
        texts = [item.text for item in items if isinstance(item, Scalar)]
        if not texts or len(texts) != len(items) or not all(map(_COUNTRY.fullmatch, texts)):
            self.wrong(field, "must be a list of two-letter countries, as [CU, IR]", node.line)
        return tuple(texts)

    def words(self, field: str) -> tuple[str, ...]:
        """A list of names, which may be left out."""
        node = self._node(field, False)
        if node is None:
            return ()
        items = node.items if isinstance(node, Sequence) else ()
        texts = [item.text for item in items if isinstance(item, Scalar)]
        if not texts or len(texts) != len(items) or not all(map(is_name, texts)):
            self.wrong(field, "must be a list of names, as [military, surveillance]", node.line)
        return tuple(texts)

    def lines(self, field: str, most: int) -> tuple[str, ...]:
        """A list of short texts, with at least one in it."""
        node = self._node(field, True)
        if node is None:
            return ()
        items = node.items if isinstance(node, Sequence) else ()
        texts = [item.text for item in items if isinstance(item, Scalar)]
        if not 1 <= len(texts) <= most or len(texts) != len(items):
            self.wrong(field, f"must be a list of 1 to {most}", node.line)
        return tuple(texts)

    def email(self, field: str) -> str:
        text = self.text(field, longest=200)
        if text and not _EMAIL.fullmatch(text):
            self.wrong(field, f"{shown(text)} is not an e-mail address")
        return text

    def time_zone(self, field: str, default: str | None = None) -> str:
        return self._checked(field, zone, default)

    def currency(self, field: str) -> str:
        return self._checked(field, digits)

    # -- numbers --------------------------------------------------------------------------------

    def boolean(self, field: str, default: bool | None = None) -> bool:
        scalar = self._scalar(field, default is None)
        if scalar is None:
            return bool(default)
        if scalar.text not in ("true", "false") or not scalar.plain:
            self.wrong(field, f"{shown(scalar.text)} is neither true nor false", scalar.line)
        return scalar.text == "true"

    def whole(self, field: str, low: int, high: int, default: int | None = None) -> int:
        scalar = self._scalar(field, default is None)
        if scalar is None:
            return low if default is None else default
        if not _WHOLE.fullmatch(scalar.text):
            advice = _plain_number(scalar.text)
            self.wrong(field, f"{shown(scalar.text)} is not a whole number{advice}", scalar.line)
            return low
        number = int(scalar.text)
        if not low <= number <= high:
            self.wrong(field, f"{number:,} is not from {low:,} to {high:,}", scalar.line)
            return low
        return number

    def decimal(
        self, field: str, low: Decimal, high: Decimal, default: Decimal | None = None
    ) -> Decimal:
        """Exact: the digits as they are written, quoted or not."""
        scalar = self._scalar(field, default is None)
        if scalar is None:
            return low if default is None else default
        if not _DECIMAL.fullmatch(scalar.text):
            self.wrong(
                field,
                f"{shown(scalar.text)} is not a decimal such as 17.00{_plain_number(scalar.text)}",
                scalar.line,
            )
            return low
        number = Decimal(scalar.text)
        if not low <= number <= high:
            self.wrong(field, f"{number} is not from {low} to {high}", scalar.line)
            return low
        return number

    def optional_decimal(self, field: str, low: Decimal, high: Decimal) -> Decimal | None:
        return self.decimal(field, low, high) if self.has(field) else None

    # -- time -----------------------------------------------------------------------------------

    def instant(self, field: str, time_zone: str) -> datetime:
        """A date (its local midnight), or a date and time; its own offset wins over the zone."""
        text = self.text(field)
        try:
            if _DATE.fullmatch(text):
                local = datetime.combine(date.fromisoformat(text), time())
            elif _INSTANT.fullmatch(text):
                local = datetime.fromisoformat(text)
            else:
                raise ValueError
            if not 1970 <= local.year <= 9000:
                raise ValueError
        except ValueError:
            if text:
                self.wrong(
                    field,
                    f"{shown(text)} is not a date such as 2026-01-01, "
                    "or a time such as 2026-01-01T08:00:00+08:00",
                )
            return datetime(1970, 1, 1, tzinfo=UTC)
        if local.tzinfo is None:
            if not time_zone:
                self.wrong(field, "needs a `time_zone` beside it, or an offset such as +08:00")
                return datetime(1970, 1, 1, tzinfo=UTC)
            local = local.replace(tzinfo=zone(time_zone))
        return local.astimezone(UTC)

    def duration(self, field: str, default: timedelta) -> timedelta:
        text = self.text(field, "")
        if not self.has(field):
            return default
        match = _DURATION.fullmatch(text)
        if match is None:
            self.wrong(field, f"{shown(text)} is not a duration such as `5 minutes` or `7 days`")
            return default
        return timedelta(**{f"{match[2]}s": int(match[1])})

    # -- structure ------------------------------------------------------------------------------

    def has(self, field: str) -> bool:
        self._asked[field] = None
        return field in self._tree.entries

    def mapping(self, field: str, required: bool = True) -> "dict[str, Fields]":
        """Named mappings inside this one: `h100.1: {on_demand: 17.00}`."""
        node = self._node(field, required)
        if node is None:
            return {}
        if not isinstance(node, Mapping) or not node.entries:
            self.wrong(field, "must be a mapping with at least one entry", node.line)
            return {}
        inner: dict[str, Fields] = {}
        for name, (line, value) in node.entries.items():
            if isinstance(value, Mapping):
                below = Fields(self.file, value, self._problems, f"{field}.{name}.")
                below.line = line
                inner[name] = below
            else:
                self._note(line, f"`{self._within}{field}.{name}` must be a mapping")
        return inner

    def each(self, field: str, most: int) -> "list[Fields]":
        """A list of mappings, with at least one in it."""
        node = self._node(field, True)
        if node is None:
            return []
        items = node.items if isinstance(node, Sequence) else ()
        if not 1 <= len(items) <= most or not all(isinstance(each, Mapping) for each in items):
            self.wrong(field, f"must be a list of 1 to {most} mappings", node.line)
            return []
        return [
            Fields(self.file, each, self._problems, f"{self._within}{field}[{place}].")
            for place, each in enumerate(items)
            if isinstance(each, Mapping)
        ]

    @property
    def nested(self) -> bool:
        """Whether it is a part of a document, and not the whole."""
        return bool(self._within)

    def only(self, known: Collection[str]) -> list[str]:
        """The names of the entries that are there, all of which must be among `known`."""
        for name in known:
            self._asked[name] = None
        self.refuse_unknown()
        return [name for name in self._tree.entries if name in self._asked]

    def inner(self, field: str) -> "Fields | None":
        """One mapping inside this one, if it is there."""
        node = self._node(field, False)
        if node is None:
            return None
        if not isinstance(node, Mapping):
            self.wrong(field, "must be a mapping", node.line)
            return None
        return Fields(self.file, node, self._problems, f"{self._within}{field}.")

    def build(self, make: Callable[[], T]) -> T | None:
        """What the fields say, unless one of them, or one that is not known, is wrong."""
        self.refuse_unknown()
        if not self.ok:
            return None
        try:
            return make()
        except ValueError as error:
            self._note(self.line, str(error))
            return None

    @property
    def ok(self) -> bool:
        return len(self._problems) == self._before

    def refuse_unknown(self) -> None:
        for field, (line, _) in self._tree.entries.items():
            if field not in self._asked:
                known = sorted(self._asked)
                self._note(line, f"unknown field `{self._within}{field}`; {closest(field, known)}")

    def wrong(self, field: str, detail: str, line: int | None = None) -> None:
        self._note(line or self.line_of(field), f"`{self._within}{field}` {_lead(detail)}")

    def line_of(self, field: str) -> int:
        entry = self._tree.entries.get(field)
        return entry[0] if entry else self.line

    def _note(self, line: int, detail: str) -> None:
        self._problems.append(Problem(self.file, line, detail))

    def _checked(
        self, field: str, check: Callable[[str], object], default: str | None = None
    ) -> str:
        text = self.text(field, default)
        if text:
            try:
                check(text)
            except ValueError as error:
                self.wrong(field, f"is wrong: {error}")
                return ""
        return text

    def _scalar(self, field: str, required: bool) -> Scalar | None:
        node = self._node(field, required)
        if isinstance(node, Mapping | Sequence):
            what = "a list" if isinstance(node, Sequence) else "a mapping"
            self.wrong(field, f"must be one value, not {what}", node.line)
            return None
        return node

    def _node(self, field: str, required: bool) -> Node | None:
        self._asked[field] = None
        entry = self._tree.entries.get(field)
        if entry is None:
            if required:
                self._note(self.line, f"`{self._within}{field}` is missing")
            return None
        return entry[1]


def shown(text: str) -> str:
    """What was written, short enough for a sentence."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _lead(detail: str) -> str:
    return detail if detail.startswith(("is ", "must ", "needs ")) else f"is wrong: {detail}"


def _plain_number(text: str) -> str:
    """What would be right, where it can be guessed."""
    plain = text.replace("_", "").replace(",", "").lstrip("+")
    if re.fullmatch(r"0+[0-9]+(\.[0-9]+)?", plain):
        plain = plain.lstrip("0") or "0"
        plain = f"0{plain}" if plain.startswith(".") else plain
    if plain != text and _DECIMAL.fullmatch(plain):
        return f"; write {plain}"
    if ":" in text:
        return "; a colon makes no number here"
    return ""
