"""Running the outbox: who leads, and each channel with something due carried by itself."""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Sequence

from rackrate.app import dispatch
from rackrate.app.dispatch import Senders
from rackrate.app.loops import Leader
from rackrate.app.ports import Sender
from rackrate.app.world import World
from rackrate.core.errors import Invalid, RackrateError
from rackrate.core.outbox import Medium
from rackrate.core.outbox.channel import CHATS
from rackrate.senders.chat import ChatSender
from rackrate.senders.email import EmailSender, parse
from rackrate.senders.webhook import WebhookSender

LOG = logging.getLogger("rackrate.outbox")
LOOK_EVERY_S = 1.0
LEAD_EVERY_S = 5.0
AT_ONCE = 8


def senders(smtp: str, mail_from: str, private: bool) -> Senders:
    """What can be sent with these settings; Invalid where they do not fit each other."""
    found: dict[Medium, Sender] = {Medium.WEBHOOK: WebhookSender(private)}
    found |= {medium: ChatSender(medium, private) for medium in CHATS}
    if smtp:
        if not mail_from:
            raise Invalid("--mail-from", "say from which address mail is sent")
        found[Medium.EMAIL] = EmailSender(parse(smtp), mail_from)
    return found


class Postman:
    """The outbox of one control plane, until `stopping` is set."""

    def __init__(
        self, world: World, senders: Senders, stopping: threading.Event, alone: bool
    ) -> None:
        self._world = world
        self._senders = senders
        self._stopping = stopping
        self._alone = alone
        self._out: set[str] = set()
        self._lock = threading.Lock()

    def run(self) -> None:
        """Lead while we may; a failed pass is said, and the next one is the retry."""
        holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        leader, lead_at = None, 0.0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                if began >= lead_at:
                    leader = dispatch.lead(self._world, holder, alone=self._alone)
                    lead_at = began + LEAD_EVERY_S
                if leader is not None:
                    self._look(leader)
            except Exception as error:  # noqa: BLE001
                self._say(error)
                leader, lead_at = None, 0.0
            # Where much waits for a mail server that is down, looking takes a tenth of the time.
            took = time.monotonic() - began
            self._stopping.wait(min(max(LOOK_EVERY_S, 10 * took), LEAD_EVERY_S))

    def _look(self, leader: Leader) -> None:
        while dispatch.spread(self._world, leader, self._senders.keys()):
            continue
        for channel, sendings in dispatch.due(self._world).items():
            with self._lock:
                if len(self._out) >= AT_ONCE or channel in self._out:
                    continue
                self._out.add(channel)
            # A daemon, so that a receiver that does not answer keeps nobody from stopping.
            threading.Thread(
                target=self._carry, args=(leader, channel, sendings), name="outbox-out", daemon=True
            ).start()

    def _carry(self, leader: Leader, channel: str, sendings: Sequence[str]) -> None:
        try:
            dispatch.carry(self._world, leader, self._senders, sendings)
        except Exception as error:  # noqa: BLE001
            self._say(error)
        finally:
            with self._lock:
                self._out.discard(channel)

    def _say(self, error: Exception) -> None:
        """What is expected, in a line; what is not, with where it came from."""
        if isinstance(error, RackrateError):
            if not self._stopping.is_set():
                LOG.warning("the outbox: %s", error.detail)
        else:
            LOG.error("the outbox failed", exc_info=error)
