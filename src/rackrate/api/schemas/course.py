"""The course of a contract: what each month is worth and earns, and what is left after it."""

from pydantic import Field

from rackrate.api.schemas.parts import Money, Period, Schema
from rackrate.core import course


class CourseMonth(Schema):
    """A month of all commitments together: `value` = `drawdown` + `due`, as quoted."""

    month: str = Field(examples=["2027-01"])
    during: Period
    value: Money
    drawdown: Money
    due: Money
    prepaid_left: Money = Field(description="Of what was prepaid by then, after this month")
    earned: Money = Field(description="Net of tax")
    backlog: Money = Field(description="What later months will earn, net of tax")
    asked: list[str] = Field(description="The months in which its instalment is invoiced")
    invoices: list[str] = Field(description="Those that it stands on, for who may read invoices")
    amendments: list[int] = Field(description="Numbers of those that take effect in it")

    @classmethod
    def of(cls, row: course.CourseMonth) -> "CourseMonth":
        return cls(
            month=str(row.month),
            during=Period.of(row.during),
            value=Money.of(row.value),
            drawdown=Money.of(row.drawdown),
            due=Money.of(row.due),
            prepaid_left=Money.of(row.prepaid_left),
            earned=Money.of(row.earned),
            backlog=Money.of(row.backlog),
            asked=[str(month) for month in row.asked],
            invoices=list(row.invoices),
            amendments=[each.number for each in row.amendments],
        )


class Course(Schema):
    """All months of a contract, as far as can be expected now."""

    items: list[CourseMonth]
