"""How a story of a shop is told: what is done, what it is refused for, and who is told what."""

from collections.abc import Callable, Iterator

from rackrate.app import channels, loops
from rackrate.app.channels import Filter
from rackrate.core.errors import RackrateError
from rackrate.core.ids import CustomerId
from rackrate.core.outbox import Language, Letter, Medium, Reader, Sending, letter
from tests.app.money_shop import SHANGHAI, Shop

PASSES = 3


def settled(shop: Shop) -> None:
    """Full passes, until what they began is done."""
    leader = loops.lead(shop.built.world, "test")
    assert leader is not None
    for _ in range(PASSES):
        loops.provision(shop.built.world, leader)


def done(shop: Shop, said: str, act: Callable[[Shop], object]) -> list[str]:
    """The sentence, and the refusal if there was one, once what follows from it has happened."""
    text = [said]
    try:
        act(shop)
    except RackrateError as error:
        text.append(f"    refused: {error.detail}")
    settled(shop)
    return text


def letters(
    shop: Shop, known: set[str], to: CustomerId, of: tuple[str, ...] = ("",)
) -> Iterator[Letter]:
    """What was told since of topics that begin so, in every language; it is `known` then."""
    now = shop.built.clock.now()
    sending = Sending("s", "n", "c", to, Medium.EMAIL, "a@example.com", now, now)
    rows = channels.notifications(shop.built.world, shop.built.admin, Filter(), "", 100)
    for told in reversed([each.row for each in rows if each.row.id not in known]):
        known.add(told.id)
        if told.topic.startswith(of):
            for language in Language:
                reader = Reader(language, SHANGHAI, "Example Compute")
                yield letter(told, sending, reader, told.at)


def subjects(shop: Shop, known: set[str], to: CustomerId, of: tuple[str, ...] = ("",)) -> list[str]:
    return [f"    told: {each.subject}" for each in letters(shop, known, to, of)]
