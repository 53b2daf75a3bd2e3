"""Webhooks as the Standard Webhooks specification has them, signed with HMAC-SHA256.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hmac
import json
from base64 import b64decode, b64encode

from rackrate.core.errors import Reason, Refused, Unavailable
from rackrate.core.outbox import Channel, Letter
from rackrate.senders.post import post

GONE = 410


class WebhookSender:
    """`private`: customers' webhooks, too, may lead to addresses that are not public."""

    def __init__(self, private: bool = False) -> None:
        self._private = private

    def send(self, letter: Letter, channel: Channel) -> None:
        body = payload(letter)
        moment = str(int(letter.at.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "rackrate",
            "webhook-id": letter.id,
            "webhook-timestamp": moment,
            "webhook-signature": signature(channel.secret, letter.id, moment, body),
        }
        public_only = channel.customer is not None and not self._private
        answer = post(channel.address, body, headers, public_only)
        if answer.status == GONE:
            raise Refused(Reason.NOT_ALLOWED, f"answered {GONE}: it wants to hear nothing more")
        if not 200 <= answer.status < 300:
            raise Unavailable(f"answered {answer.status}")


def payload(letter: Letter) -> bytes:
    """The body: the same in every try."""
    told = {
        "type": letter.topic.value,
        "timestamp": f"{letter.raised:%Y-%m-%dT%H:%M:%SZ}",
        "data": dict(letter.data),
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secret: str, id: str, moment: str, body: bytes) -> str:
    key = b64decode(secret.removeprefix("whsec_"))
    signed = hmac.digest(key, f"{id}.{moment}.".encode() + body, "sha256")
    return f"v1,{b64encode(signed).decode()}"
