"""Channels and notifications."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Caller, IdPath, Named, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.channels import (
    Channel,
    ChannelRequest,
    ChoiceRequest,
    NewChannel,
    Notification,
)
from rackrate.api.schemas.parts import Page
from rackrate.app import channels
from rackrate.core.ids import CustomerId
from rackrate.core.outbox import State, Topic

router = APIRouter(route_class=ThreadRoute)
TAGS: Tags = ["notifications"]


@router.get(
    "/channels",
    response_model=Page[Channel],
    responses=READS,
    tags=TAGS,
    summary="Where one is told",
)
def list_channels(call: Caller, window: Windowed, customer: Named = None) -> Response:
    """Of a customer; without one, the operator's, or one's own."""
    whose = None if customer is None else CustomerId(customer)
    return call.answer(window.cut(channels.find(call.world, call.actor, whose), Channel.of))


@router.post(
    "/channels",
    status_code=201,
    response_model=NewChannel,
    responses=WRITES,
    tags=TAGS,
    summary="A new channel, a webhook's secret shown this once",
)
def add_channel(call: Writer, body: ChannelRequest) -> Response:
    def act() -> tuple[NewChannel, NewChannel]:
        answer = NewChannel.made(channels.add(call.world, call.actor, body.new()))
        return answer, answer.without_secret()

    return call.post_secret(body, act, 201)


@router.post(
    "/channels/{id}/choose",
    response_model=Channel,
    responses=WRITES,
    tags=TAGS,
    summary="What a channel hears of",
)
def choose(call: Writer, id: IdPath, body: ChoiceRequest) -> Response:
    def act() -> Channel:
        chosen = channels.choose(call.world, call.actor, id, tuple(body.topics), body.language)
        return Channel.of(chosen)

    return call.post(body, act)


@router.post(
    "/channels/{id}/test",
    response_model=Notification,
    responses=WRITES,
    tags=TAGS,
    summary="Send a test over a channel",
)
def test_channel(call: Writer, id: IdPath) -> Response:
    """It goes the way of everything else; ask for the notification to see whether it arrived."""

    def act() -> Notification:
        return Notification.of(channels.Told(channels.try_out(call.world, call.actor, id), ()))

    return call.post(None, act)


@router.delete(
    "/channels/{id}",
    response_model=Channel,
    responses=READS,
    tags=TAGS,
    summary="Take a channel away",
)
def remove_channel(call: Caller, id: IdPath) -> Response:
    return call.answer(Channel.of(channels.remove(call.world, call.actor, id)))


@router.get(
    "/notifications",
    response_model=Page[Notification],
    responses=READS,
    tags=TAGS,
    summary="The outbox, newest first",
)
def list_notifications(
    call: Caller,
    window: Windowed,
    customer: Named = None,
    state: Annotated[State | None, Query()] = None,
    topic: Annotated[Topic | None, Query()] = None,
) -> Response:
    whose = None if customer is None else CustomerId(customer)
    asked = channels.Filter(whose, state, topic)
    found = channels.notifications(call.world, call.actor, asked, window.after, window.probe)
    return call.answer(window.page(found, Notification.of, key=lambda told: told.row.id))


@router.get(
    "/notifications/{id}",
    response_model=Notification,
    responses=READS,
    tags=TAGS,
    summary="One notification, and its way over each channel",
)
def show_notification(call: Caller, id: IdPath) -> Response:
    return call.answer(Notification.of(channels.show(call.world, call.actor, id)))


@router.post(
    "/notifications/{id}/resend",
    response_model=Notification,
    responses=WRITES,
    tags=TAGS,
    summary="Send it to the channels that want it and have not got it; or again to all",
)
def resend(call: Writer, id: IdPath) -> Response:
    return call.post(None, lambda: Notification.of(channels.resend(call.world, call.actor, id)))
