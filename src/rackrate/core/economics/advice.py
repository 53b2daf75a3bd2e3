"""Rent or own: what each option costs a customer, and where the answer turns round."""

from dataclasses import dataclass
from fractions import Fraction

from rackrate.core.economics.claims import Stated, chosen
from rackrate.core.economics.fields import Fields
from rackrate.core.errors import Invalid

ROW_IDS = ("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10")


@dataclass(frozen=True, slots=True)
class Need:
    """What the customer wants to use, for how long; `utilisation` is the share of days in use."""

    gpus: int
    years: int
    utilisation: Fraction
    days_per_month: int


@dataclass(frozen=True, slots=True)
class Own:
    """What owning takes, in major units; the room is there for as many years as the option says."""

    hardware_per_gpu: Fraction
    amortise_years: int
    room: Fraction
    room_years: tuple[int | None, ...]  # None: left out
    running_per_year: Fraction
    residual: Fraction


@dataclass(frozen=True, slots=True)
class Server:
    """A machine with its price and the rent of one of its GPUs for a month (R9, R10)."""

    price: Fraction
    gpus: int
    rent_per_gpu_month: Fraction


@dataclass(frozen=True, slots=True)
class Question:
    """One file of `examples/advice/`. `days_per_year` lists the day counts to answer for."""

    name: str
    source: str
    sample: bool
    currency: str
    need: Need
    per_gpu_day: Fraction
    own: Own
    days_per_year: tuple[int, ...]
    server: Server | None
    stated: dict[str, Stated]


@dataclass(frozen=True, slots=True)
class Year:
    """Accounting spreads an outlay over its life; cash is when the money goes."""

    number: int
    accounting: Fraction
    cash: Fraction


@dataclass(frozen=True, slots=True)
class Option:
    """One way to get the GPUs, year by year, in major units."""

    name: str
    years: tuple[Year, ...]

    @property
    def yearly(self) -> Fraction:
        """The accounting cost of the first year."""
        return self.years[0].accounting

    @property
    def total(self) -> Fraction:
        return sum((year.accounting for year in self.years), Fraction(0))

    @property
    def total_cash(self) -> Fraction:
        return sum((year.cash for year in self.years), Fraction(0))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One way of owning against renting, for one day count."""

    own: Option
    rent: Option
    days_per_year: int
    break_even_utilisation: Fraction  # below it renting is cheaper
    break_even_price: Fraction  # per GPU-day, at the stated utilisation; above it owning is

    @property
    def cheaper(self) -> str:
        if self.own.yearly == self.rent.yearly:
            return "same"
        return "own" if self.own.yearly < self.rent.yearly else "rent"

    @property
    def saving(self) -> Fraction:
        """What owning saves of the rent per year; negative where renting is cheaper."""
        return 1 - self.own.yearly / self.rent.yearly


@dataclass(frozen=True, slots=True)
class Advice:
    """The answer for every way to count the room and every day count."""

    question: Question
    comparisons: tuple[Comparison, ...]

    @property
    def plain(self) -> Comparison:
        """The first way of counting: the one that the question lists first."""
        return self.comparisons[0]

    @property
    def conclusion(self) -> str:
        """`own` or `rent` where every way of counting agrees, otherwise `it depends`."""
        answers = {comparison.cheaper for comparison in self.comparisons}
        return answers.pop() if len(answers) == 1 else "it depends"


def advise(question: Question) -> Advice:
    """Every way of owning against renting (economics.md R1 to R8)."""
    return Advice(
        question,
        tuple(
            compare(question, owned(question, room_years), days)
            for days in question.days_per_year
            for room_years in question.own.room_years
        ),
    )


def compare(question: Question, own: Option, days: int) -> Comparison:
    """The two points where both cost the same in a year (economics.md R8).

    Utilisation: own / (price x GPUs x days); price: own / (GPUs x days x utilisation).
    """
    need, rent = question.need, rented(question, days)
    full = question.per_gpu_day * need.gpus * days
    used = need.gpus * days * need.utilisation
    return Comparison(own, rent, days, own.yearly / full, own.yearly / used)


def rented(question: Question, days: int) -> Option:
    """Price x GPUs x days in use: an expense and a payment of the same year (R3, R4)."""
    need = question.need
    cost = question.per_gpu_day * need.gpus * days * need.utilisation
    years = tuple(Year(k, cost, cost) for k in range(1, need.years + 1))
    return Option(f"rent, {days} days a year", years)


def owned(question: Question, room_years: int | None) -> Option:
    """Hardware over its life, room over its own or left out, and running costs (R5).

    The outlay is cash of the first year; it is no cost of every year, which is the report's slip.
    The residual comes back in the last year and lowers the amortisation. Of what lasts longer
    than the need, only the years of the need are its cost.
    """
    own, need = question.own, question.need
    hardware = own.hardware_per_gpu * need.gpus
    left = hardware * own.residual
    room = own.room if room_years else Fraction(0)
    years = []
    for k in range(1, need.years + 1):
        worn = (hardware - left) / own.amortise_years if k <= own.amortise_years else Fraction(0)
        shared = room / room_years if room_years and k <= room_years else Fraction(0)
        outlay = (hardware + room if k == 1 else 0) - (left if k == need.years else 0)
        years.append(Year(k, worn + shared + own.running_per_year, outlay + own.running_per_year))
    room_says = f"room over {room_years} years" if room_years else "room left out"
    return Option(f"own, {room_says}", tuple(years))


def parse_question(document: object) -> Question:
    """From the values of a YAML file; `Invalid` names the path, what is wrong, what is right."""
    top = Fields.of("", document).only(
        "kind", "name", "source", "sample", "currency", "need", "rent", "own", "server", "stated"
    )
    if top.has("kind") and top.text("kind") != "advice":
        raise top.wrong("kind", "advice")
    need = top.section("need").only("gpus", "years", "utilisation", "days_per_month")
    rent = top.section("rent").only("per_gpu_day", "days_per_year")
    price = rent.number("per_gpu_day")
    if not price:
        raise rent.wrong("per_gpu_day", "a price above 0")
    utilisation = need.share("utilisation", "100%")
    if not utilisation:
        raise need.wrong("utilisation", "above 0%: who uses nothing needs no advice")
    return Question(
        name=top.text("name"),
        source=top.text("source", ""),
        sample=top.flag("sample", False),
        currency=top.currency("currency"),
        need=Need(
            gpus=need.count("gpus", 10**8),
            years=need.count("years", 100),
            utilisation=utilisation,
            days_per_month=need.count("days_per_month", 31, 30),
        ),
        per_gpu_day=price,
        own=_own(top.section("own")),
        days_per_year=_day_counts(rent),
        server=_server(top.section("server")) if top.has("server") else None,
        stated=chosen(top.section("stated"), ROW_IDS) if top.has("stated") else {},
    )


def _own(at: Fields) -> Own:
    at.only(
        "hardware_per_gpu", "amortise_years", "room", "room_years", "running_per_year", "residual"
    )
    lives: list[int | None] = []
    for where, value in at.items("room_years"):
        if value == "left out":
            lives.append(None)
        elif isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 100:
            lives.append(value)
        else:
            raise Invalid(where, f"is {value!r}, should be a number of years or `left out`")
    return Own(
        hardware_per_gpu=at.number("hardware_per_gpu"),
        amortise_years=at.count("amortise_years", 100),
        room=at.number("room", "0"),
        room_years=tuple(lives) or (None,),
        running_per_year=at.number("running_per_year"),
        residual=at.share("residual", "0%"),
    )


def _day_counts(at: Fields) -> tuple[int, ...]:
    counts = []
    for where, value in at.items("days_per_year"):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 366:
            raise Invalid(where, f"is {value!r}, should be a number of days such as 360 or 365")
        counts.append(value)
    return tuple(counts) or (365,)


def _server(at: Fields) -> Server:
    at.only("price", "gpus", "rent_per_gpu_month")
    server = Server(at.number("price"), at.count("gpus", 1000, 8), at.number("rent_per_gpu_month"))
    if not server.price or not server.rent_per_gpu_month:
        raise Invalid(at.path, "has no price or no rent, should have both above 0")
    return server
