"""Changes of a signed contract, one form for each kind."""

from typing import Annotated, Literal

from pydantic import Field

from rackrate.api.schemas.commitments import Commitment, CommitmentRequest, Nodes, batches_of
from rackrate.api.schemas.contracts import Amendment, RightToRenew
from rackrate.api.schemas.money import Line
from rackrate.api.schemas.parts import Id, Instant, Money, Schema
from rackrate.app import amending, sales
from rackrate.core.ids import SkuId

Number = Annotated[int, Field(ge=1, le=10_000, description="The number of the commitment")]
Note = Annotated[str, Field(max_length=amending.LONGEST_NOTE, pattern=r"^[^\x00]*$")]


class More(Schema):
    """Further commitments, prepaid as the contract says."""

    kind: Literal["more"]
    commitments: list[CommitmentRequest] = Field(min_length=1, max_length=sales.MOST_COMMITMENTS)
    note: Note = ""

    @property
    def change(self) -> amending.Change:
        asked = [each.commitment(number) for number, each in enumerate(self.commitments, 1)]
        return amending.More(tuple(asked), batches_of(self.commitments))


class Fewer(Schema):
    """Only `nodes` are left from `at` on, as far as the terms allow."""

    kind: Literal["fewer"]
    commitment: Number
    nodes: Nodes
    at: Instant
    note: Note = ""

    @property
    def change(self) -> amending.Change:
        return amending.Fewer(self.commitment, self.nodes, self.at)


class Extend(Schema):
    """A commitment goes on with its nodes; `amount` left out: at what a month costs now."""

    kind: Literal["extend"]
    commitment: Number
    until: Instant
    amount: Money | None = None
    note: Note = ""

    @property
    def change(self) -> amending.Change:
        amount = None if self.amount is None else self.amount.value
        return amending.Extend(self.commitment, self.until, amount)


class Swap(Schema):
    """Nodes of another SKU from `at` on, by the upgrade right. `nodes` left out: as many."""

    kind: Literal["swap"]
    commitment: Number
    sku: Id
    amount: Money
    at: Instant
    nodes: Nodes | None = None
    same_block: bool = False
    note: Note = ""

    @property
    def change(self) -> amending.Change:
        return amending.Swap(
            self.commitment,
            SkuId(self.sku),
            self.amount.value,
            self.at,
            self.nodes,
            self.same_block,
        )


class Renew(Schema):
    """The renewal right is used."""

    kind: Literal["renew"]
    note: Note = ""

    @property
    def change(self) -> amending.Change:
        return amending.Renew()


class End(Schema):
    """Everything ends at `at`, for the fee of the terms."""

    kind: Literal["end"]
    at: Instant
    note: Note = ""

    @property
    def change(self) -> amending.Change:
        return amending.End(self.at)


AmendmentRequest = Annotated[
    More | Fewer | Extend | Swap | Renew | End, Field(discriminator="kind")
]


class AmendmentPreview(Schema):
    """What an amendment would be: the commitments that it would bring, those that it would end
    early, the invoice lines that would be due with it, and the right to renew from then on.
    """

    amendment: Amendment
    added: list[Commitment]
    ended: list[Commitment]
    lines: list[Line]
    right_to_renew: RightToRenew | None

    @classmethod
    def of(cls, agreed: amending.Agreed) -> "AmendmentPreview":
        return cls(
            amendment=Amendment.of(agreed.amendment),
            added=[Commitment.of(each) for each in agreed.done.added],
            ended=[Commitment.of(each) for each in agreed.done.cut],
            lines=[Line.of(line) for line in agreed.lines],
            right_to_renew=None if agreed.right is None else RightToRenew.of(agreed.right),
        )
