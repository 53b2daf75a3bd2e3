"""How values become rows and rows values: worked out once per kind from its annotations.

The columns of a field carry its name. What is written here is Python source, compiled once, so
that nothing looks at types while rows go by; SQL is the other description, and a test compares.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

from rackrate.app.rows import KINDS
from rackrate.core.address import Address
from rackrate.core.calendar import Claim
from rackrate.core.interval import Interval, Month, Span
from rackrate.core.lease import Lease, LeaseEvent
from rackrate.core.ledger import Entry, Posting
from rackrate.core.money import Money
from rackrate.core.reading import Reading
from rackrate.core.slots import Slots

Texts = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Codec:
    """`encode` makes the texts that a statement takes; `decode` reads what `select` names.

    `…_many` take an array for each text of `…_one`. `read` has beside `select` the row's version,
    where that is what shows that somebody else has changed a row; elsewhere a lock or a log does.
    """

    table: str
    columns: tuple[str, ...]
    select: str
    read: str
    tracked: bool
    encode: Callable[[Any], Texts]
    decode: Callable[[Sequence[Any]], Any]

    add_one: str
    add_many: str
    put_one: str
    put_many: str
    by_key: str
    delete: str


@dataclass(slots=True)
class _Source:
    """The Python and SQL of one kind while they are being put together."""

    names: dict[str, Any]
    sparse: frozenset[str] = frozenset()
    columns: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    selects: list[str] = field(default_factory=list)
    builds: list[str] = field(default_factory=list)

    def know(self, thing: Any) -> str:
        """A name by which the compiled source can call `thing`."""
        name = f"_{getattr(thing, '__name__', 'value')}_{id(thing)}"
        self.names[name] = thing
        return name

    def compiled(self, text: str, name: str) -> Callable[..., Any]:
        """The function `name` that `text` defines."""
        exec(compile(text, f"<{name} of rows>", "exec"), self.names)
        return cast("Callable[..., Any]", self.names[name])

    def add(self, name: str, hint: Any, value: str) -> None:
        """A field: its columns, what is sent for them, and how it is made of what comes back."""
        plain, optional = _without_none(hint)
        texts, columns, selects, build = _column(self, name, plain, value)
        inputs = [f"r[{len(self.selects) + i}]" for i in range(len(selects))]
        made = build.format(*inputs)
        if optional:
            texts = [f"(None if {value} is None else {text})" for text in texts]
            made = made if build == "{0}" else f"(None if {inputs[0]} is None else {made})"
        if name in self.sparse:
            texts = [f"({text} if {value} else None)" for text in texts]
            made = f"({made} if {inputs[0]} is not None else ())"
        numbers = [f"{{{len(self.texts) + i}}}" for i in range(len(texts))]
        for column, expression in columns:
            self.columns.append(column)
            self.values.append(expression.format(*numbers))
        self.texts += texts
        self.selects += selects
        self.builds.append(made)


def _column(
    source: _Source, name: str, hint: Any, value: str
) -> tuple[list[str], list[tuple[str, str]], list[str], str]:
    """(texts to send, columns with their SQL, what to select, how to build the value)."""
    column = f'"{name}"'
    if hint is Money:
        money = source.know(Money)
        texts = [f"str({value}.minor)", f"{value}.currency"]
        columns = [(name, "{0}::bigint"), (f"{name}_currency", "{1}")]
        return texts, columns, [column, f'"{name}_currency"'], f"{money}({{0}}, {{1}})"
    if hint in (Interval, Span):
        end = f"{value}.end.isoformat()"
        if hint is Span:
            end = f"(None if {value}.end is None else {end})"
        columns = [(name, "tstzrange({0}::timestamptz, {1}::timestamptz)")]
        selects = [f"lower({column})", f"upper({column})"]
        build = f"{source.know(hint)}({{0}}, {{1}})"
        return [f"{value}.start.isoformat()", end], columns, selects, build
    text, cast, select, build = _scalar(source, hint, value)
    selected = f"{column}::text" if select else column
    return [text], [(name, f"{{0}}{cast}")], [selected], build


_SCALARS: Mapping[Any, tuple[str, str]] = {
    str: ("{0}", ""),
    int: ("str({0})", "::bigint"),
    bool: ("('t' if {0} else 'f')", "::boolean"),
    datetime: ("{0}.isoformat()", "::timestamptz"),
    Decimal: ("str({0})", "::numeric"),
    timedelta: ("_duration({0})", "::interval"),
}


def _scalar(source: _Source, hint: Any, value: str) -> tuple[str, str, bool, str]:
    """(text to send, cast, whether to select as text, how to build) of what is one column."""
    if hint in _SCALARS:
        text, cast = _SCALARS[hint]
        return text.format(value), cast, False, "{0}"
    if hint is Month:
        return f"str({value})", "", False, f"{source.know(_month)}({{0}})"
    if hint is Slots:
        return f"_ranges({value}.bits)", "::int4multirange", True, f"{source.know(_slots)}({{0}})"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        members = {member.value: member for member in hint}
        return f"{value}.value", "", False, f"{source.know(members)}[{{0}}]"
    text = f"_dumps({_json_out(source, hint, value, 0)})"
    return text, "::jsonb", False, _json_in(source, hint, "_loads({0})", 0)


def _json_out(source: _Source, hint: Any, value: str, depth: int) -> str:
    """Source of the JSON form of a nested value."""
    plain, optional = _without_none(hint)
    item = f"x{depth}"
    if plain in (str, int, bool):
        made = value
    elif plain is datetime:
        made = f"{value}.isoformat()"
    elif plain is Decimal or plain in (Month, Slots):
        made = f"str({value})"
    elif isinstance(plain, type) and issubclass(plain, StrEnum):
        made = f"{value}.value"
    elif get_origin(plain) is tuple:
        made = f"[{_json_out(source, get_args(plain)[0], item, depth + 1)} for {item} in {value}]"
    elif get_args(plain) == (str, str):
        made = f"dict({value})"
    else:
        assert is_dataclass(plain), f"no JSON form for {plain}"
        hints = get_type_hints(plain)
        parts = (
            f"{f.name!r}: {_json_out(source, hints[f.name], f'{value}.{f.name}', depth)}"
            for f in fields(plain)
        )
        made = f"{{{', '.join(parts)}}}"
    return made if not optional or made == value else f"(None if {value} is None else {made})"


def _json_in(source: _Source, hint: Any, value: str, depth: int) -> str:
    """Source that makes a nested value of its JSON form."""
    plain, optional = _without_none(hint)
    item = f"x{depth}"
    if plain in (str, int, bool):
        made = value
    elif plain is datetime:
        made = f"{source.know(datetime)}.fromisoformat({value})"
    elif plain is Decimal:
        made = f"{source.know(Decimal)}({value})"
    elif plain in (Month, Slots):
        made = f"{source.know(_month if plain is Month else _parsed)}({value})"
    elif isinstance(plain, type) and issubclass(plain, StrEnum):
        members = {member.value: member for member in plain}
        made = f"{source.know(members)}[{value}]"
    elif get_origin(plain) is tuple:
        inner = _json_in(source, get_args(plain)[0], item, depth + 1)
        made = inner if inner == item else f"[{inner} for {item} in {value}]"
        made = f"tuple({value if inner == item else made})"
    elif get_args(plain) == (str, str):
        made = value
    else:
        made = f"{source.know(_reader(plain))}({value})"
    return made if not optional or made == value else f"(None if {value} is None else {made})"


@lru_cache(maxsize=256)
def _reader(kind: type) -> Callable[[Any], Any]:
    """What makes a nested dataclass of its JSON form. A field that is new has its default."""
    assert is_dataclass(kind), f"no JSON form for {kind}"
    source, hints, parts = _Source(dict(_NAMES)), get_type_hints(kind), []
    for part in fields(kind):
        made = _json_in(source, hints[part.name], f"j[{part.name!r}]", 0)
        if part.default is not MISSING or part.default_factory is not MISSING:
            default = part.default if part.default_factory is MISSING else part.default_factory()
            made = f"({made} if {part.name!r} in j else {source.know(default)})"
        parts.append(made)
    text = f"def read(j):\n    return {source.know(_maker(kind))}({', '.join(parts)})\n"
    return source.compiled(text, "read")


@lru_cache(maxsize=256)
def _maker(kind: type) -> Callable[..., Any]:
    """A constructor for values that were checked when they were written.

    Where nothing is checked it sets the slots itself, which takes half the time of a frozen
    dataclass's own.
    """
    if hasattr(kind, "__post_init__"):
        return kind
    source = _Source({"_new": object.__new__, "_kind": kind})
    inputs = [f"a{i}" for i in range(len(fields(kind)))]
    setters = [source.know(getattr(kind, part.name).__set__) for part in fields(kind)]
    sets = "; ".join(f"{setter}(o, {a})" for setter, a in zip(setters, inputs, strict=True))
    text = f"def make({', '.join(inputs)}):\n    o = _new(_kind); {sets}\n    return o\n"
    return source.compiled(text, "make")


def _without_none(hint: Any) -> tuple[Any, bool]:
    hint = getattr(hint, "__supertype__", hint)
    if isinstance(hint, UnionType) or NoneType in get_args(hint):
        (plain,) = (part for part in get_args(hint) if part is not NoneType)
        return getattr(plain, "__supertype__", plain), True
    return hint, False


def _duration(length: timedelta) -> str:
    return f"{length.days} days {length.seconds} seconds {length.microseconds} microseconds"


def _loaded(text: str) -> Any:
    return _scan(text, 0)[0]


_month = lru_cache(maxsize=4096)(Month.parse)
_parsed = lru_cache(maxsize=65_536)(Slots.parse)


@lru_cache(maxsize=65_536)
def _ranges(bits: int) -> str:
    return "{" + ",".join(f"[{start},{end})" for start, end in Slots(bits).ranges()) + "}"


@lru_cache(maxsize=65_536)
def _slots(text: str) -> Slots:
    """From PostgreSQL's `{[0,4),[6,8)}`."""
    runs = (run.split(",") for run in text[2:-2].split("),["))
    return Slots.from_ranges((int(start), int(end)) for start, end in runs)


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_scan = cast("Any", json.JSONDecoder()).scan_once
_NAMES = {"_dumps": _dumps, "_loads": _loaded, "_duration": _duration, "_ranges": _ranges}


Extras = Sequence[tuple[str, Any, str]]


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where a kind's row is more than its fields, or less.

    `before` and `after` are columns with the source of their value; `skip` is a field kept
    elsewhere; `sparse` fields are NULL when empty; `made` takes the place of the constructor.
    """

    before: Extras = ()
    after: Extras = ()
    skip: str = ""
    sparse: frozenset[str] = frozenset()
    value: str = "v"
    made: Callable[..., Any] | None = None


def _all(*values: Any) -> tuple[Any, ...]:
    return values


_PLAIN = _Shape()
_SHAPES: Mapping[type, _Shape] = {
    Lease: _Shape(after=(("live", bool, "v.live"),)),
    Entry: _Shape(skip="postings", made=_all),
    Address: _Shape(after=(("freed", str, "v.freed"),)),
    Reading: _Shape(after=(("begun", str, "v.begun"), ("told", str, "v.told"))),
}


# Leases are written in the order of their log; claims under the lock of their site.
_GUARDED = frozenset({Lease, Claim})


def _compile(kind: type, table: str, shape: _Shape = _PLAIN) -> Codec:
    source = _Source(dict(_NAMES), shape.sparse)
    for name, hint, value in shape.before:
        source.add(name, hint, value)
    first = len(source.builds)
    for name, hint in get_type_hints(kind).items():
        if name != shape.skip:
            source.add(name, hint, f"{shape.value}.{name}")
    build, selects = ", ".join(source.builds[first:]), ", ".join(source.selects)
    for name, hint, value in shape.after:
        source.add(name, hint, value)
    text = (
        f"def encode(v):\n    return ({', '.join(source.texts)},)\n"
        f"def decode(r):\n    return {source.know(shape.made or _maker(kind))}({build})\n"
    )
    add_one, add_many = _insert(table, source, many=False), _insert(table, source, many=True)
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in source.columns if name != "id")
    overwrite = f" ON CONFLICT (id) DO UPDATE SET {changes}"
    tracked = kind in KINDS and not KINDS[kind].append_only and kind not in _GUARDED
    read = f"{selects}, xmin" if tracked else selects
    return Codec(
        table,
        tuple(source.columns),
        selects,
        read,
        tracked,
        source.compiled(text, "encode"),
        source.compiled(text, "decode"),
        add_one,
        add_many,
        add_one + overwrite,
        add_many + overwrite,
        f"SELECT {read} FROM {table} WHERE id = $1",
        f"DELETE FROM {table} WHERE id = $1",
    )


def _insert(table: str, source: _Source, many: bool) -> str:
    """INSERT of one row, or of many that come as one array for each parameter."""
    columns = ", ".join(f'"{name}"' for name in source.columns)
    head = f"INSERT INTO {table} ({columns})"
    values = ", ".join(source.values)
    if not many:
        return f"{head} VALUES ({values.format(*(f'${i + 1}' for i in range(len(source.texts))))})"
    inputs = [f"p{i}" for i in range(len(source.texts))]
    arrays = ", ".join(f"${i + 1}::text[]" for i in range(len(inputs)))
    given = f"unnest({arrays}) AS given ({', '.join(inputs)})"
    return f"{head} SELECT {values.format(*inputs)} FROM {given}"


CODECS: Mapping[type, Codec] = {
    kind: _compile(kind, fact.table, _SHAPES.get(kind, _PLAIN)) for kind, fact in KINDS.items()
}
EVENT = _compile(LeaseEvent, "lease_event", _Shape(sparse=frozenset({"members"})))
# A posting is encoded as (entry, place, posting).
POSTING = _compile(
    Posting,
    "posting",
    _Shape(before=(("entry", str, "v[0]"), ("place", int, "v[1]")), value="v[2]"),
)
