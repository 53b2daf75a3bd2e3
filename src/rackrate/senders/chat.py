"""Chats that take a message by webhook. Shapes and signatures as their makers document them:

Slack          https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
Feishu, Lark   https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
DingTalk       https://open.dingtalk.com/document/orgapp/custom-robots-send-group-messages
WeCom          https://developer.work.weixin.qq.com/document/path/91770

All but Slack answer 200 to what they have not taken, and say so in the body.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from urllib.parse import quote_plus

from rackrate.core.errors import Unavailable
from rackrate.core.outbox import Channel, Letter, Medium
from rackrate.senders.post import post

LONGEST_BYTES = 2000  # WeCom takes 2,048, the others more.
Shape = Callable[[str, int, Channel], tuple[str, dict[str, object]]]


class ChatSender:
    """Speaks to one kind of chat."""

    def __init__(self, medium: Medium, private: bool = False) -> None:
        self._shape = _SHAPES[medium]
        self._private = private

    def send(self, letter: Letter, channel: Channel) -> None:
        address, message = self._shape(words(letter), int(letter.at.timestamp()), channel)
        body = json.dumps(message, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "rackrate"}
        public_only = channel.customer is not None and not self._private
        answer = post(address, body, headers, public_only)
        if not 200 <= answer.status < 300:
            raise Unavailable(f"answered {answer.status}")
        code, said = _verdict(answer.body)
        if code:
            raise Unavailable(f"answered {code}: {said}")


def words(letter: Letter) -> str:
    """The letter as a chat shows it, cut where a chat would cut it."""
    text = f"{letter.subject}\n{letter.text}".strip()
    short = text.encode()[:LONGEST_BYTES].decode(errors="ignore")
    return text if short == text else f"{short}…"


def _slack(text: str, _at_s: int, channel: Channel) -> tuple[str, dict[str, object]]:
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(mark, entity)
    return channel.address, {"text": text}


def _feishu(text: str, at_s: int, channel: Channel) -> tuple[str, dict[str, object]]:
    message: dict[str, object] = {"msg_type": "text", "content": {"text": text}}
    if channel.secret:
        moment = str(at_s)
        key = f"{moment}\n{channel.secret}".encode()
        message |= {
            "timestamp": moment,
            "sign": b64encode(hmac.digest(key, b"", "sha256")).decode(),
        }
    return channel.address, message


def _dingtalk(text: str, at_s: int, channel: Channel) -> tuple[str, dict[str, object]]:
    address, message = channel.address, {"msgtype": "text", "text": {"content": text}}
    if channel.secret:
        moment = str(at_s * 1000)
        told = f"{moment}\n{channel.secret}".encode()
        sign = b64encode(hmac.digest(channel.secret.encode(), told, "sha256"))
        joint = "&" if "?" in address else "?"
        address = f"{address}{joint}timestamp={moment}&sign={quote_plus(sign)}"
    return address, dict(message)


def _wecom(text: str, _at_s: int, channel: Channel) -> tuple[str, dict[str, object]]:
    return channel.address, {"msgtype": "text", "text": {"content": text}}


_SHAPES: Mapping[Medium, Shape] = {
    Medium.SLACK: _slack,
    Medium.FEISHU: _feishu,
    Medium.DINGTALK: _dingtalk,
    Medium.WECOM: _wecom,
}


def _verdict(body: bytes) -> tuple[int, str]:
    """The code that a chat says in its answer, 0 for taken; Slack says only `ok`."""
    try:
        said = json.loads(body)
    except ValueError:
        return 0, ""
    if not isinstance(said, dict):
        return 0, ""
    for code, text in (("errcode", "errmsg"), ("code", "msg"), ("StatusCode", "StatusMessage")):
        if isinstance(said.get(code), int):
            return said[code], str(said.get(text, ""))[:100]
    return 0, ""
