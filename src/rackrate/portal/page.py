"""A page on its way to somebody: who looks, in which language, zone and theme; and rendering."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from rackrate import __version__
from rackrate.app.identity import sign_in
from rackrate.app.once import once
from rackrate.app.world import World
from rackrate.core.access import Actor, Role, Verb
from rackrate.core.errors import Forbidden, Unauthenticated
from rackrate.portal import figures, invoice_view, navigation, price_view
from rackrate.portal.acts import VERB_NAMES
from rackrate.portal.assets import Assets
from rackrate.portal.figures import Times
from rackrate.portal.messages import LANGUAGES, Catalogue, language_of, msg
from rackrate.portal.organisation import Organisation, organisation_of
from rackrate.portal.session import COOKIE, Session, Sessions, same

THEMES = ("system", "light", "dark")
THEME_NAMES = {
    "system": msg("Colours follow the system; change to light"),
    "light": msg("Light colours; change to dark"),
    "dark": msg("Dark colours; change to the system's"),
}
ROLE_NAMES = {
    Role.ADMIN: msg("administrator"),
    Role.FLEET: msg("fleet"),
    Role.SALES: msg("sales"),
    Role.FINANCE: msg("finance"),
    Role.VIEWER: msg("viewer"),
    Role.METER: msg("meter"),
    Role.OWNER: msg("owner"),
    Role.MEMBER: msg("member"),
    Role.ACCOUNTANT: msg("accountant"),
    Role.GUEST: msg("guest"),
}
# What programs write into logs, which everybody reads.
ASKED = "asked by "
KNOWN = frozenset(
    {
        msg("health check passed"),
        msg("healthy again"),
        msg("lost by the engine"),
        msg("its nodes are promised to others from then"),
        msg("its nodes are wanted by others, and spot makes room"),
        msg("waits for spot to make room"),
        msg("spot has made room"),
        msg("no room came free for it in time"),
        msg("its nodes are not needed after all"),
        msg("its contract has no nodes for it from then"),
        msg("its notice is over, and its nodes go to those they are promised to"),
        msg("simulated"),
        msg("plain"),
        msg("runc"),
        msg("bubblewrap"),
        msg("This site is simulated: there is no machine to enter"),
    }
)
# Parts of the basis of a price that operators write alike.
PHRASES = frozenset(
    {
        msg("per node and calendar month"),
        msg("per GPU-hour"),
        msg("before VAT"),
        msg("with VAT"),
        msg("power and cooling included"),
        msg("power included"),
        msg("without power"),
        msg("list price"),
    }
)
# What a form's redirect may say was done.
DONE = {
    "started": msg("The lease has its machines. Billing starts when the health check passes."),
    "stopped": msg("Billing has ended. The lease stops now."),
    "resumed": msg("The lease has machines again. Billing starts when the health check passes."),
    "ended": msg("Billing has ended. The lease ends now, for good."),
    "drained": msg("No new lease starts on this node any more."),
    "to-drain": msg("From that day on no lease starts on this node, and no promise counts on it."),
    "returned": msg("This node is offered again."),
    "paid": msg("The payment is posted."),
    "digital-asked": msg("The channel is asked. Its number stands below once it answers."),
    "closed": msg("The month is closed, and its invoices are issued."),
    "draft-approved": msg("It is approved."),
    "draft-withdrawn": msg("It is withdrawn."),
    "reminded": msg("The reminders are on their way."),
    "revoked": msg("The token is refused from now on."),
    "key-added": msg("The key opens the leases of this project."),
    "key-removed": msg("The key opens nothing any more."),
    "granted": msg("The role is given."),
    "ungranted": msg("The role is taken away."),
    "project-made": msg("The project is there."),
    "quoted": msg("The nodes are held, and the quote is there."),
    "quote-sign": msg("The quote is signed: its nodes are the contract's."),
    "quote-extend": msg("The nodes are held for longer."),
    "quote-withdraw": msg("The quote is withdrawn, and its nodes are free."),
    "quote-approve": msg("The discount is approved: the quote can be signed."),
    "amended": msg("The change is agreed, and what is due with it is invoiced."),
    "delivered": msg("The nodes are named and handed over."),
    "accepted": msg("The nodes are accepted, and are billed from now on."),
    "replaced": msg("The other node is named. Acceptance and billing stay as they are."),
    "advanced": msg("It has come so far. What was left behind is a batch of its own."),
    "slipped": msg("The new day is in the calendar, and what it breaks is written down."),
    "batch-cancelled": msg("What had not come of the batch is no capacity any more."),
    "customer-made": msg("The customer is there."),
    "budget-set": msg("The budget holds from now on."),
    "budget-removed": msg("There is no such budget any more. What it stopped stays stopped."),
    "limit-set": msg("The limit holds for whatever starts from now on."),
    "wallet-set": msg("It pays ahead: what starts is held against its wallet."),
    "topped-up": msg("The money is in the wallet."),
    "wallet-closed": msg("The wallet is closed, and what was left is paid back."),
    "terms-set": msg("It is so from now on. What is issued stays as it was."),
    "chosen": msg("The channel hears of what you chose."),
    "test-sent": msg("A test is on its way over the channel."),
    "channel-removed": msg("The channel hears nothing more."),
    "resent": msg("It is on its way again."),
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the program that serves the portal knows of itself.

    `sample`: the data is a sample, and every page says so. `secure`: it is served over TLS.
    `gateway` is how leases are reached: `ssh -p PORT LEASE@HOST` without the lease.
    """

    sample: bool = False
    secure: bool = False
    gateway: str = ""
    gateway_port: int = 22


class SignedOut(Exception):
    """Nobody is signed in: the visitor is sent to the sign-in page."""


@dataclass(frozen=True, slots=True)
class Portal:
    """What all requests share."""

    world: World
    options: Options
    sessions: Sessions
    assets: Assets
    catalogue: Catalogue
    templates: Environment


def portal_of(world: World, options: Options) -> Portal:
    assets, catalogue = Assets(), Catalogue()
    return Portal(
        world, options, Sessions(world.ids), assets, catalogue, _environment(assets, catalogue)
    )


def _environment(assets: Assets, catalogue: Catalogue) -> Environment:
    env = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    @pass_context
    def t(context: Context, key: str, /, **named: object) -> Markup:
        return catalogue.markup(context["look"].language, key, **named)

    @pass_context
    def tn(context: Context, one: str, many: str, count: int, /, **named: object) -> Markup:
        """`many` is the key where a language has one form for every number."""
        key = one if count == 1 and context["look"].language == "en" else many
        figure = figures.number(count)
        return catalogue.markup(context["look"].language, key, count=figure, **named)

    env.globals.update(t=t, tn=tn, asset=assets.url, version=__version__)
    env.globals.update(themes=THEME_NAMES, verb_names=VERB_NAMES)
    env.filters.update(
        num=figures.number,
        price=figures.price,
        hourly=figures.hourly,
        unit_name=price_view.unit_name,
        shown_in=price_view.shown_in,
        counted=price_view.counted,
        line_name=invoice_view.name_of,
        line_fill=invoice_view.fill_of,
        amount=figures.amount,
        owed=figures.owed,
        symbol=figures.symbol,
        clock=figures.clock,
        brief=lambda money, look: figures.brief(money, look.language),
    )
    return env


@dataclass(frozen=True, slots=True)
class Look:
    """How the visitor wants pages: kept in cookies, changed by links."""

    language: str
    theme: str

    @property
    def lang(self) -> str:
        return LANGUAGES[self.language]

    @property
    def other_language(self) -> str:
        return "zh" if self.language == "en" else "en"

    @property
    def next_theme(self) -> str:
        return THEMES[(THEMES.index(self.theme) + 1) % len(THEMES)]


def look_of(request: Request) -> Look:
    language = language_of(
        request.query_params.get("lang", "") or request.cookies.get("rackrate_language", ""),
        request.headers.get("accept-language", ""),
    )
    theme = request.query_params.get("theme", "") or request.cookies.get("rackrate_theme", "")
    return Look(language, theme if theme in THEMES else "system")


@dataclass(frozen=True, slots=True)
class Same:
    """The same thing in the CLI and the API."""

    cli: str
    api: str


@dataclass(frozen=True, slots=True)
class Page:
    """One request of somebody who is signed in."""

    portal: Portal
    request: Request
    look: Look
    session: Session
    actor: Actor
    organisation: Organisation
    now: datetime
    times: Times = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", Times(self.organisation.time_zone))

    @property
    def world(self) -> World:
        return self.portal.world

    @property
    def groups(self) -> tuple[navigation.Group, ...]:
        return navigation.groups(self.actor)

    @property
    def tabs(self) -> tuple[navigation.Place, ...]:
        return navigation.tabs(self.actor)

    @property
    def roles(self) -> list[str]:
        return sorted({ROLE_NAMES[grant.role] for grant in self.actor.grants})

    @property
    def initials(self) -> str:
        return self.actor.principal[:2].upper()

    @property
    def address(self) -> str:
        """Where the visitor is, to come back to after a change of language or theme."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    @property
    def done(self) -> str:
        """What the last form did, as its redirect says it."""
        key = DONE.get(self.request.query_params.get("done", ""))
        return self.say(key) if key else ""

    @property
    def part(self) -> str:
        """The part of the page that is asked for alone, if one is."""
        return self.request.query_params.get("part", "")

    def here(self, place: navigation.Place) -> bool:
        """Whether the page is that place, or lies under it."""
        path = self.request.url.path
        return path == place.path or (place.path != "/" and path.startswith(f"{place.path}/"))

    def may(self, verb: Verb) -> bool:
        """Whether there is anything on which this visitor may do it: decides what is offered."""
        return verb in navigation.verbs(self.actor)

    def say(self, key: str, /, **named: object) -> str:
        return self.portal.catalogue.plain(self.look.language, key, **named)

    def known(self, text: str) -> Markup:
        """A text that a program wrote in English: in the visitor's language where it is known."""
        if self.look.language == "en" or not text:
            return Markup.escape(text)
        if text.startswith(ASKED):
            return self.portal.catalogue.markup(
                self.look.language, msg("asked by {who}"), who=text.removeprefix(ASKED)
            )
        if text in KNOWN:
            return self.portal.catalogue.markup(self.look.language, text)
        return Markup('<span lang="en">{}</span>').format(text)

    def phrase(self, text: str) -> Markup:
        """What an operator wrote, as the basis of a price: in parts that are known, or as it is."""
        parts = [self._part(part) for part in text.split(", ")] if text else []
        return Markup("，" if self.look.language == "zh" else ", ").join(parts)

    def _part(self, text: str) -> Markup:
        if text in PHRASES:
            return self.portal.catalogue.markup(self.look.language, text)
        if self.look.language == "en" or not text.isascii():
            return Markup.escape(text)
        return Markup('<span lang="en">{}</span>').format(text)

    def show(
        self, template: str, same: Same | None, status: int = 200, /, **values: Any
    ) -> Response:
        """The page; or, when a part of it is asked for, only that."""
        return HTMLResponse(self.render(template, same=same, **values), status)

    def render(self, template: str, /, **values: Any) -> str:
        shared: Mapping[str, Any] = {
            "page": self,
            "look": self.look,
            "times": self.times,
            "options": self.portal.options,
            "path": self.request.url.path,
            "csrf": self.session.csrf,
            "refusal": None,
        }
        return self.portal.templates.get_template(template).render({**shared, **values})

    def file(self, name: str, media: str, content: bytes) -> Response:
        """To be kept as a file; the name has nothing in it that a header would trip over."""
        safe = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in name)
        kept = f'attachment; filename="{safe}"'
        return Response(content, 200, {"Content-Disposition": kept}, media)

    def form_key(self) -> str:
        """Goes into a form, so that sending it twice does it once."""
        return self.world.ids.new("form")

    def once(self, key: str, what: str, act: Callable[[], str]) -> Response:
        """Do what a form asks, once for its key, and go where it says."""
        _, address, _ = once(self.world, self.actor, key, what, lambda: (303, act()))
        return self.go(address)

    def go(self, address: str) -> Response:
        return RedirectResponse(address, 303)


def page_of(request: Request) -> Page:
    """The page of whoever is signed in here; SignedOut if nobody is."""
    portal: Portal = request.app.state.portal
    now = portal.world.clock.now()
    session = portal.sessions.find(request.cookies.get(COOKIE, ""), now)
    if session is None:
        raise SignedOut
    try:
        actor = sign_in(portal.world, session.secret, portal.world.ids.new("req"))
    except Unauthenticated:
        portal.sessions.end(session.key)
        raise SignedOut from None
    organisation = organisation_of(portal.world, actor)
    return Page(portal, request, look_of(request), session, actor, organisation, now)


Visited = Annotated[Page, Depends(page_of)]


def posted_page(page: Visited, csrf: Annotated[str, Form()] = "") -> Page:
    """The page of a form: refused unless it was made by a page of this session."""
    if not same(csrf, page.session.csrf):
        raise Forbidden("this form was not made by this session; load the page again")
    return page


Posted = Annotated[Page, Depends(posted_page)]
