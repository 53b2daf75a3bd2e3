"""What refusals say, in the visitor's language: programs say it in English, in known sentences."""

import re
from collections.abc import Iterator

from markupsafe import Markup

from rackrate.core.errors import Invalid, RackrateError
from rackrate.portal.messages import Catalogue, msg

# Sentences of refusals that somebody meets in the portal, with what is put into them.
SENTENCES = (
    msg("{lease} has ended"),
    msg("{lease} is {phase}; only a stopped lease starts"),
    msg("{lease} has already been told to stop"),
    msg("{lease} has been told to end, and only ends now"),
    msg("{month} ends at {instant} UTC; until then there is a preview"),
    msg("months are closed in order: {month} is next"),
    msg("the books begin with {month}; nothing is dated before {day}"),
    msg("{month} of {seller} is closed and is not opened again; {next} is open"),
    msg("one test a minute: look how the last one went first"),
    msg("there are {count} channels already; remove one first"),
    msg("customer {id} is already there"),
    msg("contract {id} is already there"),
    msg("the project name {id} is taken"),
    msg("the last administrator stays"),
    msg("{batch} was accepted at {when}"),
    msg("{batch} is delivered and accepted"),
    msg("{batch} is not delivered yet; due at {when}"),
    msg("what {batch} is for is over"),
    msg("{free} of {nodes} nodes of {batch} are in service and free"),
    msg("{node} is named in no batch of {contract} that goes on"),
    msg("{node} is {state} already: return it first"),
    msg("{invoice} is paid in full"),
    msg("{customer} has no open invoice"),
    msg("{open} of {invoice} is open, less than {amount}"),
    msg("{left} of {what} is not used yet, less than {amount}"),
    msg("{invoice} is in {currency}, not in {other}"),
    msg("a payment of {amount} is not positive"),
    msg("{invoice} is a credit note: it is set off, or paid back"),
    msg("{invoice} is void: nothing of it is owed"),
    msg("{who} wrote {draft}; somebody else has to approve it"),
    msg("{draft} waits for somebody to approve it"),
    msg("{who} made quote {quote}; somebody else has to approve it"),
    msg("quote {quote} needs nobody's approval"),
    msg("{taken} has no digital invoice that {invoice} could take back"),
    msg("{invoice} takes no invoice back that a red letter could name"),
    msg("{open} of {invoice} is open: it is paid before a wallet is closed"),
    msg("the wallet of {customer} pays for {leases}: end what it pays for"),
    msg("the wallet of {customer} is closed"),
    msg("{amount} more is used than the wallet of {customer} has: top it up first"),
    msg("{contract} has no right to renew; it can be extended"),
    msg("{contract} has been renewed already"),
    msg("{contract} could be renewed until {instant} UTC"),
    msg("{contract} has no right to end early; it runs until {instant} UTC"),
    msg("{contract} may end from {instant} UTC on"),
    msg("{contract} ends at {when} and is not amended"),
    msg("{sku} has no contract price in {currency} at {instant} UTC"),
    msg("{sku} has no {klass} price in {currency} at {instant} UTC"),
    msg("{who} may not do {verb} on {target}"),
    msg("this form was not made by this session; load the page again"),
    msg("a budget is more than nothing; take it away to have none"),
    msg("payment terms are 0 to {days} days"),
    msg("a grace is 0 to {days} days"),
    msg("{customer} pays in {currency}"),
    msg("{value} is not a whole number"),
    msg("{value} is not 0 to 100"),
    msg("{value} is not a percentage"),
    msg("{value} is not a day such as 2027-03-01"),
    msg("not an amount: {value}"),
    msg("{value} has more than {digits} decimals of {currency}"),
    msg("{amount} is negative"),
    msg("{amount} is not positive"),
    msg("1 to 63 of a-z, 0-9, dot, dash and underscore, as example-studio"),
    msg("one line of 1 to 200 characters"),
    msg("two capital letters of ISO 3166, such as CN"),
    msg("the payer's reference has 1 to 100 characters"),
)
_ANYTHING, _ONE_THING = r".+?", r"(?:(?![,;:] ).)+?"
_PARAMETER = re.compile(r"\{(\w+)\}")


def pattern_of(sentence: str) -> re.Pattern[str]:
    """What the sentence looks like with something in each of its places: one thing, not a clause;
    only those of `leases` may be several.
    """
    parts = _PARAMETER.split(sentence)
    said = (
        f"(?P<{part}>{_ANYTHING if part == 'leases' else _ONE_THING})"
        if place % 2
        else re.escape(part)
        for place, part in enumerate(parts)
    )
    return re.compile("".join(said))


# Those with the most words of their own come first: the others would take them for theirs.
_KNOWN = sorted(
    ((pattern_of(one), one) for one in SENTENCES),
    key=lambda known: -len(_PARAMETER.sub("", known[1])),
)


def detail_of(catalogue: Catalogue, language: str, error: RackrateError) -> Markup:
    """The refusal's own sentence; what is not known is left in English, and marked as that."""
    if language == "en":
        return Markup.escape(error.detail)
    where = error.where if isinstance(error, Invalid) else ""
    text = error.detail.removeprefix(f"{where}: ") if where else error.detail
    said = next(_said(catalogue, language, text), None)
    if said is None:
        return Markup('<span lang="en">{}</span>').format(error.detail)
    return Markup('<span class="mono">{}</span>：{}').format(where, said) if where else said


def _said(catalogue: Catalogue, language: str, text: str) -> Iterator[Markup]:
    for pattern, sentence in _KNOWN:
        found = pattern.fullmatch(text)
        if found is not None:
            yield catalogue.markup(language, sentence, **found.groupdict())
