"""A value that is made quickly is in everything else what any frozen dataclass is."""

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from typing import Any

import pytest

from rackrate.core.quick import quick


@quick
@dataclass(frozen=True, slots=True, order=True)
class Quick:
    """As `Slow`, made quickly."""

    name: str
    low: int
    high: int = 10
    more: tuple[str, ...] = ()
    notes: dict[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if self.high < self.low:
            raise ValueError(f"{self.name}: {self.low} is above {self.high}")


@dataclass(frozen=True, slots=True, order=True)
class Slow:
    """What `Quick` must be like."""

    name: str
    low: int
    high: int = 10
    more: tuple[str, ...] = ()
    notes: dict[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if self.high < self.low:
            raise ValueError(f"{self.name}: {self.low} is above {self.high}")


CALLS: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
    (("a", 1), {}),
    (("a", 1, 2, ("x",), {"k": "v"}), {}),
    ((), {"name": "a", "low": 3}),
    (("a",), {"low": 3, "more": ("y",)}),
)
WRONG: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
    (("a",), {}),
    ((), {}),
    (("a", 1), {"unknown": 1}),
    (("a", 1, 2, (), {}, 6), {}),
)


@pytest.mark.parametrize(("args", "named"), CALLS)
def test_it_holds_what_it_was_given(args: tuple[Any, ...], named: dict[str, Any]) -> None:
    quickly, slowly = Quick(*args, **named), Slow(*args, **named)
    assert type(quickly) is Quick
    for each in fields(Slow):
        assert getattr(quickly, each.name) == getattr(slowly, each.name)
    assert repr(quickly) == repr(slowly).replace("Slow", "Quick")


@pytest.mark.parametrize(("args", "named"), WRONG)
def test_it_refuses_what_it_was_not_to_be_given(
    args: tuple[Any, ...], named: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        Slow(*args, **named)
    with pytest.raises(TypeError):
        Quick(*args, **named)


def test_it_is_frozen_and_has_no_room_for_more() -> None:
    value = Quick("a", 1)
    with pytest.raises(FrozenInstanceError):
        value.low = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del value.low
    with pytest.raises((AttributeError, TypeError)):
        value.other = 1  # type: ignore[attr-defined]
    assert value.low == 1 and not hasattr(value, "__dict__")


def test_what_cannot_be_is_refused_in_its_making() -> None:
    with pytest.raises(ValueError, match="a: 11 is above 10"):
        Quick("a", 11)


def test_each_has_defaults_of_its_own() -> None:
    assert Quick("a", 1).notes is not Quick("a", 1).notes


def test_it_is_compared_hashed_and_sorted_by_its_fields() -> None:
    assert Quick("a", 1) == Quick("a", 1, 10) != Quick("a", 2)
    assert len({Quick("a", 1), Quick("a", 1), Quick("b", 1)}) == 2
    assert Quick("a", 1) < Quick("a", 2) < Quick("b", 1)


def test_a_copy_is_the_same_kind_of_thing_and_as_frozen() -> None:
    value = Quick("a", 1, more=("x",), notes={"k": "v"})
    copies = (
        copy.copy(value),
        copy.deepcopy(value),
        pickle.loads(pickle.dumps(value)),
        replace(value, low=1),
    )
    for other in copies:
        assert type(other) is Quick
        assert other == value and other.notes == value.notes
        with pytest.raises(FrozenInstanceError):
            other.low = 2  # type: ignore[misc]
