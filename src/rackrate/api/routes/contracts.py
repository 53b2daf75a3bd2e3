"""Contracts: signed, amended, delivered."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Call, Caller, IdPath, Named, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.amendments import AmendmentPreview, AmendmentRequest
from rackrate.api.schemas.contracts import (
    Contract,
    ContractDetail,
    ContractRequest,
    DeliverRequest,
    Delivery,
    Replaced,
    ReplaceRequest,
)
from rackrate.api.schemas.course import Course, CourseMonth
from rackrate.api.schemas.parts import Page
from rackrate.app import amending, coursing, delivery, sales, shortfalls
from rackrate.core import contract as contracts
from rackrate.core.ids import ContractId, CustomerId, NodeId

router = APIRouter(route_class=ThreadRoute)
CONTRACTS: Tags = ["contracts"]
Place = Annotated[int, Path(ge=1, le=1_000_000)]


@router.get(
    "/contracts",
    response_model=Page[Contract],
    responses=READS,
    tags=CONTRACTS,
    summary="Contracts",
)
def list_contracts(call: Caller, window: Windowed, customer: Named = None) -> Response:
    whose = None if customer is None else CustomerId(customer)
    found = sales.find(call.world, call.actor, whose, window.after, window.probe)
    return call.answer(window.page(found, Contract.of))


@router.post(
    "/contracts",
    status_code=201,
    response_model=ContractDetail,
    responses=WRITES,
    tags=CONTRACTS,
    summary="Sign: reserve the nodes, and invoice what is due at once",
)
def sign(call: Writer, body: ContractRequest) -> Response:
    """Refused with how many nodes could be promised, and from when all of them."""

    def act() -> ContractDetail:
        id = ContractId(body.id or call.world.ids.new("con"))
        signed = sales.sign_now(call.world, call.actor, body.offer(id))
        return detail(call, signed.id)

    return call.post(body, act, 201)


@router.get(
    "/contracts/{id}",
    response_model=ContractDetail,
    responses=READS,
    tags=CONTRACTS,
    summary="A contract with its payment plan and deliveries",
)
def show_contract(call: Caller, id: IdPath) -> Response:
    return call.answer(detail(call, ContractId(id)))


@router.get(
    "/contracts/{id}/schedule",
    response_model=Course,
    responses=READS,
    tags=CONTRACTS,
    summary="Month by month: value, drawdown, due, what is earned and left, and its invoices",
)
def show_schedule(call: Caller, id: IdPath) -> Response:
    months = coursing.course_of(call.world, call.actor, ContractId(id))
    return call.answer(Course(items=[CourseMonth.of(one) for one in months]))


@router.post(
    "/contracts/{id}/amendments",
    status_code=201,
    response_model=ContractDetail,
    responses=WRITES,
    tags=CONTRACTS,
    summary="Amend: more, fewer, longer, other nodes, renewed, or ended early",
)
def amend(call: Writer, id: IdPath, body: AmendmentRequest) -> Response:
    """What is past is never amended. Refused with the next number or date that would do."""

    def act() -> ContractDetail:
        amending.amend(call.world, call.actor, ContractId(id), body.change, body.note)
        return detail(call, ContractId(id))

    return call.post(body, act, 201)


@router.post(
    "/contracts/{id}/amendments/preview",
    response_model=AmendmentPreview,
    responses=WRITES,
    tags=CONTRACTS,
    summary="What an amendment would do, and what would be due at once",
)
def preview(call: Writer, id: IdPath, body: AmendmentRequest) -> Response:
    """Refused as the amendment would be; nothing is changed."""
    found = amending.preview(call.world, call.actor, ContractId(id), body.change)
    return call.answer(AmendmentPreview.of(found))


@router.post(
    "/contracts/{id}/deliveries/{commitment}/{number}/deliver",
    response_model=Delivery,
    responses=WRITES,
    tags=CONTRACTS,
    summary="Hand over a batch: its nodes are named",
)
def deliver(
    call: Writer, id: IdPath, commitment: Place, number: Place, body: DeliverRequest
) -> Response:
    """Until it is accepted, other nodes may be named."""

    def act() -> Delivery:
        names = [NodeId(name) for name in body.names]
        whose = ContractId(id)
        done = delivery.deliver(call.world, call.actor, whose, commitment, number, names)
        return _delivery(call, done)

    return call.post(body, act)


@router.post(
    "/contracts/{id}/deliveries/{commitment}/{number}/accept",
    response_model=Delivery,
    responses=WRITES,
    tags=CONTRACTS,
    summary="Accept a batch: it is billed from now on, or from its term on",
)
def accept(call: Writer, id: IdPath, commitment: Place, number: Place) -> Response:
    def act() -> Delivery:
        done = delivery.accept(call.world, call.actor, ContractId(id), commitment, number)
        return _delivery(call, done)

    return call.post(None, act)


@router.post(
    "/contracts/{id}/nodes/{node}/replace",
    response_model=Replaced,
    responses=WRITES,
    tags=CONTRACTS,
    summary="Name a healthy node in the place of one that was handed over",
)
def replace(call: Writer, id: IdPath, node: IdPath, body: ReplaceRequest) -> Response:
    """Acceptance and billing stay. Refused with how many nodes of its pool could take the place."""

    def act() -> Replaced:
        by = None if body.by is None else NodeId(body.by)
        done = delivery.replace_node(call.world, call.actor, ContractId(id), NodeId(node), by)
        return Replaced(delivery=_delivery(call, done.batch), gone=done.gone, came=done.came)

    return call.post(body, act)


def _delivery(call: Call, done: contracts.Delivery) -> Delivery:
    contract, _ = sales.show(call.world, call.actor, done.contract)
    return Delivery.of(contract, done, call.world.clock.now())


def detail(call: Call, id: ContractId) -> ContractDetail:
    """The contract as its owner may see it."""
    contract, plan = sales.show(call.world, call.actor, id)
    batches = sales.deliveries(call.world, call.actor, id)
    right = sales.right_to_renew(call.world, call.actor, id)
    use = shortfalls.show(call.world, call.actor, id)
    return ContractDetail.detail(contract, plan, batches, right, use, call.world.clock.now())
