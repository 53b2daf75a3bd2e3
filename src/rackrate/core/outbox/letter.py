"""What a notification says to people, in their language, zone and figures; and to programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from html import escape

from rackrate.core.interval import zone
from rackrate.core.outbox.channel import Language
from rackrate.core.outbox.notification import Notification, Sending
from rackrate.core.outbox.topic import Topic

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: in which language and zone, from which seller, with the portal at which URL.

    The `operator` is told of whom it is, where it has a copy of what a customer is told.
    """

    language: Language
    time_zone: str
    seller: str
    portal: str = ""
    operator: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """Ready to be carried. `id` is the sending's, `at` the moment of this try.

    `facts` are (label, value) for people; `data`, `topic` and `raised` are for programs.
    """

    id: str
    at: datetime
    topic: Topic
    raised: datetime
    language: Language
    seller: str
    subject: str
    said: str
    facts: tuple[tuple[str, str], ...]
    link: str
    data: Mapping[str, str | list[str]]

    @property
    def text(self) -> str:
        colon = ": " if self.language is Language.EN else "："
        lines = [f"{label}{colon}{value}" for label, value in self.facts]
        parts = [self.said, "\n".join(lines), self.link, self.seller]
        return "\n\n".join(part for part in parts if part) + "\n"

    @property
    def html(self) -> str:
        rows = "".join(
            f'<tr><td style="padding:2px 16px 2px 0;color:#666">{escape(label)}</td>'
            f"<td>{escape(value)}</td></tr>"
            for label, value in self.facts
        )
        link = escape(self.link)
        parts = [
            f'<!doctype html><html lang="{self.language}"><head><meta charset="utf-8">',
            f"<title>{escape(self.subject)}</title></head>",
            '<body style="font-family:sans-serif;line-height:1.5">',
            f"<p>{escape(self.said)}</p>",
            f"<table>{rows}</table>" if rows else "",
            f'<p><a href="{link}">{link}</a></p>' if link else "",
            f'<p style="color:#666">{escape(self.seller)}</p></body></html>',
        ]
        return "\n".join(part for part in parts if part) + "\n"


def letter(told: Notification, sending: Sending, reader: Reader, now: datetime) -> Letter:
    """What is sent, over whichever channel."""
    words, facts = _WORDS[told.topic], dict(told.facts)
    place = 0 if reader.language is Language.EN else 1
    if told.customer is not None:
        facts["customer"] = told.customer
    named = ("customer", *words.facts) if reader.operator else words.facts
    shown = {name: _shown(name, facts, reader) for name in facts}
    path = words.path.format_map(facts) if words.path else ""
    return Letter(
        sending.id,
        now,
        told.topic,
        told.at,
        reader.language,
        reader.seller,
        words.subject[place].format_map(shown),
        words.said[place].format_map(shown),
        tuple((_LABELS[name][place], shown[name]) for name in named if facts.get(name)),
        f"{reader.portal.rstrip('/')}{path}" if reader.portal and path else "",
        {name: value.split() if name in _MANY else value for name, value in facts.items()},
    )


_MANY = frozenset({"addresses", "leases", "breaches", "holders"})
_MONEY = frozenset({"net", "tax", "amount", "spent", "left", "hourly", "prepaid"})
_INSTANTS = frozenset({"until", "start", "end", "kept"})


def _shown(name: str, facts: Mapping[str, str], reader: Reader) -> str:
    """A fact as people read it."""
    value = facts[name]
    if name in _MONEY:
        return f"{Decimal(value):,} {facts['currency']}"
    if name in _INSTANTS and value:
        return f"{datetime.fromisoformat(value).astimezone(zone(reader.time_zone)):%Y-%m-%d %H:%M}"
    if name == "due" and value:
        return f"{datetime.fromisoformat(value).astimezone(zone(reader.time_zone)):%Y-%m-%d}"
    if name in _MANY:
        listed = value.split()
        more = len(listed) - MOST_SHOWN
        comma = ", " if reader.language is Language.EN else "、"
        return comma.join(listed[:MOST_SHOWN]) + (f" +{more}" if more > 0 else "")
    if reader.language is Language.ZH:
        return _CAUSES.get(value, value)
    return value


@dataclass(frozen=True, slots=True)
class _Words:
    """Subject and sentence in English and Chinese; the facts below; the page of the portal."""

    subject: tuple[str, str]
    said: tuple[str, str]
    facts: tuple[str, ...]
    path: str = ""


_WORDS: Mapping[Topic, _Words] = {
    Topic.INVOICE_ISSUED: _Words(
        ("Invoice {invoice}: {amount}, due {due}", "账单 {invoice}：{amount}，{due} 到期"),
        (
            "Invoice {invoice} over {amount} has been issued. It is due on {due}.",
            "账单 {invoice} 已开具，金额 {amount}，请于 {due} 前付款。",
        ),
        ("invoice", "month", "net", "tax", "amount", "due"),
        "/invoices/{invoice}",
    ),
    Topic.CREDIT_NOTE_ISSUED: _Words(
        ("Credit note {invoice}: {amount}", "贷记单 {invoice}：{amount}"),
        (
            "Credit note {invoice} over {amount} has been issued.",
            "贷记单 {invoice} 已开具，金额 {amount}。",
        ),
        ("invoice", "month", "net", "tax", "amount"),
        "/invoices/{invoice}",
    ),
    Topic.INVOICE_OVERDUE: _Words(
        ("Invoice {invoice} is overdue: {amount}", "账单 {invoice} 已逾期：{amount}"),
        (
            "Invoice {invoice} was due on {due}, and {amount} of it is not paid.",
            "账单 {invoice} 已于 {due} 到期，尚有 {amount} 未付。",
        ),
        ("invoice", "amount", "due"),
        "/invoices/{invoice}",
    ),
    Topic.LEASE_NOTICE: _Words(
        ("Leases end at {until}: {count}", "{count} 个租约将于 {until} 结束"),
        (
            "These leases have to make way: they end at {until}. Save what is needed before then.",
            "下列租约须让出资源，将于 {until} 结束。请在此之前保存数据。",
        ),
        ("leases", "until", "cause"),
        "/leases",
    ),
    Topic.LEASE_NOTICE_WITHDRAWN: _Words(
        ("Leases may stay: {count}", "{count} 个租约可以继续"),
        (
            "The notice to these leases is withdrawn: they may stay.",
            "对下列租约的让出通知已撤回，租约可以继续。",
        ),
        ("leases", "cause"),
        "/leases",
    ),
    Topic.BUDGET_REACHED: _Words(
        ("Budget {budget}: {percent} % used", "预算 {budget} 已使用 {percent}%"),
        (
            "{spent} of the {amount} that {budget} may use in {month} is used.",
            "{budget} 在 {month} 的预算为 {amount}，已使用 {spent}。",
        ),
        ("budget", "month", "spent", "amount"),
        "/leases",
    ),
    Topic.BUDGET_STOPS: _Words(
        (
            "Budget {budget} is used up: leases stop at {until}",
            "预算 {budget} 已用完：租约将于 {until} 停止",
        ),
        (
            "What runs on demand stops at {until}, unless the budget is raised. Volumes stay.",
            "如不提高预算，按需租约将于 {until} 停止。存储卷保留。",
        ),
        ("budget", "month", "spent", "amount", "until"),
        "/leases",
    ),
    Topic.BUDGET_STOPPED: _Words(
        ("Budget {budget} is used up: leases are stopped", "预算 {budget} 已用完：租约已停止"),
        (
            "These leases are stopped, since the budget of {month} is used up. Volumes stay.",
            "{month} 的预算已用完，下列租约已停止。存储卷保留。",
        ),
        ("leases", "budget", "spent", "amount"),
        "/leases",
    ),
    Topic.PRICE_ENDS: _Words(
        ("The price of {sku} changes at {until}", "{sku} 的价格将于 {until} 变更"),
        (
            "Your price of {sku} holds until {until}. What runs on is billed as said below.",
            "您的 {sku} 价格有效至 {until}，此后按下述价格计费。",
        ),
        ("leases", "now", "then", "until"),
        "/leases",
    ),
    Topic.PREPAYMENT_LOW: _Words(
        (
            "Little is left of the prepayment of {contract}: {left}",
            "合同 {contract} 的预付款余额不足：{left}",
        ),
        (
            "{left} of the {prepaid} prepaid for {contract} is left; use beyond it is invoiced.",
            "合同 {contract} 预付的用量款 {prepaid} 尚余 {left}；用完后的用量将另行开具账单。",
        ),
        ("contract", "left", "prepaid"),
        "/contracts/{contract}",
    ),
    Topic.WALLET_LOW: _Words(
        ("Little is left in the wallet: {left}", "钱包余额不足：{left}"),
        (
            "{left} is left in the wallet; what runs uses {hourly} an hour. Please top it up.",
            "按目前用量，钱包余额为 {left}，当前每小时费用 {hourly}。请在用完前充值。",
        ),
        ("left", "hourly", "hours"),
        "/leases",
    ),
    Topic.WALLET_EMPTY: _Words(
        (
            "The wallet is empty: leases stop at {until}",
            "钱包已用完：租约将于 {until} 停止",
        ),
        (
            "Unless it is topped up, on-demand leases stop at {until}. Volumes stay until {kept}.",
            "如不充值，按需租约将于 {until} 停止。存储卷保留至 {kept}。",
        ),
        ("left", "hourly", "until", "kept"),
        "/leases",
    ),
    Topic.WALLET_REFILLED: _Words(
        ("The wallet is topped up: {left}", "钱包已充值：{left}"),
        (
            "{left} is left: the notice is withdrawn. What was stopped can be started again.",
            "钱包余额为 {left}，停止通知已撤回。已停止的租约可以重新启动。",
        ),
        ("left", "hourly", "hours"),
        "/leases",
    ),
    Topic.WALLET_STOPPED: _Words(
        ("The wallet is empty: leases are stopped", "钱包已用完：租约已停止"),
        (
            "These leases are stopped, since the wallet is used up. Volumes are kept until {kept}.",
            "钱包已用完，下列租约已停止。存储卷保留至 {kept}。",
        ),
        ("leases", "left", "kept"),
        "/leases",
    ),
    Topic.WALLET_ENDING: _Words(
        ("Volumes will be deleted at {kept}", "存储卷将于 {kept} 删除"),
        (
            "Stopped leases end at {kept}, with their volumes, unless the wallet is topped up.",
            "如不充值，已停止的租约将于 {kept} 结束，其存储卷一并删除。",
        ),
        ("left", "kept"),
        "/leases",
    ),
    Topic.WALLET_ENDED: _Words(
        ("The wallet stayed empty: leases have ended", "钱包未充值：租约已结束"),
        (
            "These leases have ended, with their volumes: the wallet was not topped up.",
            "因钱包未充值，下列租约及其存储卷已结束。",
        ),
        ("leases", "addresses", "left"),
        "/leases",
    ),
    Topic.PROMISE_BROKEN: _Words(
        ("Promises broken at {site}: {count}", "{site} 有 {count} 项承诺无法履行"),
        (
            "Short at {site} as things stand; rackrate capacity breaches says what would mend it.",
            "按目前情况，{site} 无法履行下列承诺；rackrate capacity breaches 会列出补救办法。",
        ),
        ("holders", "nodes", "start", "end", "cause"),
        "/",
    ),
    Topic.CHANNEL_TEST: _Words(
        ("A test of this channel", "渠道测试"),
        (
            "This is a test that {who} asked for. Nothing needs to be done.",
            "这是 {who} 发起的测试消息，无需处理。",
        ),
        (),
    ),
}
_LABELS: Mapping[str, tuple[str, str]] = {
    "customer": ("Customer", "客户"),
    "invoice": ("Invoice", "账单"),
    "month": ("Month", "月份"),
    "net": ("Net", "不含税"),
    "tax": ("Tax", "税额"),
    "amount": ("Amount", "金额"),
    "due": ("Due", "到期"),
    "budget": ("Budget", "预算"),
    "spent": ("Used", "已使用"),
    "now": ("Price now", "当前价格"),
    "then": ("Price from then on", "之后价格"),
    "addresses": ("Addresses given back", "已释放的公网地址"),
    "left": ("Left", "余额"),
    "contract": ("Contract", "合同"),
    "prepaid": ("Prepaid", "已预付"),
    "hourly": ("An hour", "每小时"),
    "hours": ("Lasts so many hours", "可用小时数"),
    "kept": ("Volumes kept until", "存储卷保留至"),
    "leases": ("Leases", "租约"),
    "until": ("Until", "截止"),
    "cause": ("Why", "原因"),
    "holders": ("Whose", "所属"),
    "nodes": ("Nodes short", "短缺节点"),
    "start": ("From", "自"),
    "end": ("Until", "至"),
}
# What programs write as causes, in English.
_CAUSES: Mapping[str, str] = {
    "none; what runs has to end before": "无；仍在运行的租约须在此之前结束",
    "its nodes are promised to others from then": "其节点自该时起已承诺给他人",
    "its contract has no nodes for it from then": "其合同自该时起没有节点可用",
    "its nodes are not needed after all": "其节点之后不再需要",
}
