"""`rackrate channel` and `rackrate notification`: who is told of what, and whether it arrived."""

from typing import Annotated

import typer

from rackrate.cli.client import Row, connect, path
from rackrate.cli.failure import Usage
from rackrate.cli.moment import Zones, local
from rackrate.cli.shape import noun
from rackrate.cli.table import (
    After,
    Column,
    Format,
    Limit,
    Output,
    print_done,
    print_facts,
    print_json,
    print_page,
    print_table,
    state,
)

channel = noun("Where you are told: e-mail, webhooks, chats.")
notification = noun("What was told, to whom, and whether it arrived.")

MEDIA = "email, webhook, slack, feishu, dingtalk or wecom"
Customer = Annotated[str, typer.Option(help="Left out: the operator's, or your own.")]
Topics = Annotated[
    list[str] | None,
    typer.Option("--topic", metavar="TOPIC", help="As invoice.issued; again for more. None: all."),
]
Language = Annotated[str, typer.Option(help="en or zh")]
ChannelId = Annotated[str, typer.Argument(metavar="CHANNEL", help="As rackrate channel list says.")]

CHANNELS = (
    Column("CHANNEL", lambda row: row["id"]),
    Column("BY", lambda row: row["medium"]),
    Column("TO", lambda row: row["to"]),
    Column("IN", lambda row: row["language"]),
    Column("TOPICS", lambda row: ", ".join(row["topics"])),
)


@channel.command("list")
def list_channels(customer: Customer = "", output: Output = Format.TABLE) -> None:
    """Where one is told, and of what."""
    answer = connect().get("/v1/channels", customer=customer)
    print_page(answer, output, CHANNELS, "Nobody is told yet. Add one: rackrate channel add")


@channel.command("add")
def add_channel(
    medium: Annotated[str, typer.Argument(metavar="BY", help=MEDIA)],
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="An e-mail address, or a URL.")],
    customer: Customer = "",
    topic: Topics = None,
    language: Language = "en",
    secret: Annotated[str, typer.Option(help="Feishu's or DingTalk's, for signing.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Be told at an address from now on. A webhook's secret is printed now, and never again."""
    client = connect()
    body = {
        "customer": customer or _own(client.get("/v1/whoami")),
        "medium": medium,
        "address": address,
        "language": language,
        "topics": topic or [],
        "secret": secret,
    }
    row = client.post("/v1/channels", body)
    signed = f"; it signs with {row['secret']}" if row["secret"] else ""
    print_done(row, output, f"{row['id']} tells {row['to']}{signed}")


@channel.command()
def choose(
    id: ChannelId,
    topic: Topics = None,
    language: Annotated[str, typer.Option(help="en or zh; left out: as it is.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Change what a channel hears of, and in which language."""
    client = connect()
    customer = _own(client.get("/v1/whoami")) or ""
    known = {row["id"]: row for row in client.every("/v1/channels", customer=customer)}
    if (not topic or not language) and id not in known:
        raise Usage("name --topic and --language both for a channel of a customer")
    body = {
        "topics": topic or known[id]["topics"],
        "language": language or known[id]["language"],
    }
    row = client.post(path("channels", id, "choose"), body)
    print_done(row, output, f"{id} hears of {', '.join(row['topics'])}, in {row['language']}")


@channel.command("test")
def try_out(id: ChannelId, output: Output = Format.TABLE) -> None:
    """Send a test over a channel."""
    row = connect().post(path("channels", id, "test"))
    said = f"{row['id']} is on its way; see: rackrate notification show {row['id']}"
    print_done(row, output, said)


@channel.command("remove")
def remove_channel(id: ChannelId, output: Output = Format.TABLE) -> None:
    """Tell nothing more there."""
    print_done(connect().delete(path("channels", id)), output, f"{id} hears nothing more")


NOTIFICATIONS = (
    Column("AT", lambda row: row["shown"]),
    Column("TOPIC", lambda row: row["topic"]),
    Column("TO", lambda row: row["customer"] or "the operator"),
    Column("STATE", lambda row: row["state"], style=state),
    Column(
        "BY",
        lambda row: ", ".join(sorted({way["medium"] for way in row["sendings"]})),
        from_width=110,
    ),
    Column("NOTIFICATION", lambda row: row["id"]),
)
SENDINGS = (
    Column("BY", lambda row: row["medium"]),
    Column("TO", lambda row: row["to"]),
    Column("STATE", lambda row: row["state"], style=state),
    Column("TRIES", lambda row: row["attempts"], right=True),
    Column("LAST", lambda row: row["last"]),
    Column("NEXT", lambda row: row["next"]),
    Column("WHY", lambda row: row["error"]),
)


@notification.command("list")
def list_notifications(
    customer: Annotated[str, typer.Option()] = "",
    state: Annotated[str, typer.Option(help="no_channel, waiting, sent or dead")] = "",
    topic: Annotated[str, typer.Option(help="As invoice.issued")] = "",
    limit: Limit = 50,
    after: After = "",
    output: Output = Format.TABLE,
) -> None:
    """What was told, the newest first."""
    client = connect()
    asked = {"customer": customer, "state": state, "topic": topic, "limit": limit, "after": after}
    answer = client.get("/v1/notifications", **asked)
    if output is Format.TABLE:
        zones = Zones(client)
        for row in answer["items"]:
            row["shown"] = local(row["at"], zones.entity())
    print_page(answer, output, NOTIFICATIONS, "Nothing was told yet.")


@notification.command("show")
def show_notification(
    id: Annotated[str, typer.Argument(metavar="NOTIFICATION")], output: Output = Format.TABLE
) -> None:
    """One of them, with its way over each channel."""
    client = connect()
    row = client.get(path("notifications", id))
    if output is Format.JSON:
        print_json(row)
        return
    zone = Zones(client).entity()
    print_facts(
        [
            ("Topic", row["topic"]),
            ("To", row["customer"] or "the operator"),
            ("At", local(row["at"], zone)),
            ("State", row["state"]),
            *((name, value) for name, value in row["facts"].items()),
        ]
    )
    for way in row["sendings"]:
        way["last"] = local(way["sent"] or way["tried"], zone)
        way["next"] = local(way["due"], zone)
    print()
    print_table(SENDINGS, row["sendings"], "No channel wants it. Add one: rackrate channel add")


@notification.command()
def resend(
    ids: Annotated[list[str], typer.Argument(metavar="NOTIFICATION...")],
    output: Output = Format.TABLE,
) -> None:
    """Send to the channels that want it and have not got it; where all have, to them again."""
    client = connect()
    for id in ids:
        row = client.post(path("notifications", id, "resend"))
        count = len([way for way in row["sendings"] if way["state"] == "waiting"])
        print_done(row, output, f"{id} is on its way over {count} channel{'s' * (count != 1)}")


def _own(me: Row) -> str | None:
    """The customer of somebody who has just one."""
    if me["operator"] or len(me["customers"]) != 1:
        return None
    return str(me["customers"][0])
