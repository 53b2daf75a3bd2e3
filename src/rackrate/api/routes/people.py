"""Customers, projects, keys, members and tokens."""

from fastapi import APIRouter
from starlette.responses import Response

from rackrate.api.asker import ThreadRoute
from rackrate.api.call import Caller, IdPath, Named, Tags, Windowed, Writer
from rackrate.api.problems import READS, WRITES
from rackrate.api.schemas.parts import Page
from rackrate.api.schemas.people import (
    Customer,
    CustomerRequest,
    Key,
    KeyRequest,
    Member,
    MemberRequest,
    NewToken,
    Project,
    ProjectRequest,
    Token,
    TokenRequest,
)
from rackrate.app import customers, identity, keys
from rackrate.core.ids import CustomerId, PrincipalId, ProjectId

router = APIRouter(route_class=ThreadRoute)
CUSTOMERS: Tags = ["customers"]
ACCESS: Tags = ["access"]


@router.get(
    "/customers",
    response_model=Page[Customer],
    responses=READS,
    tags=CUSTOMERS,
    summary="Who buys",
)
def list_customers(call: Caller, window: Windowed) -> Response:
    """All of them for the operator; for anybody else, those it belongs to."""
    found = customers.list_customers(call.world, call.actor, window.after, window.probe)
    return call.answer(window.page(found, Customer.of))


@router.post(
    "/customers",
    status_code=201,
    response_model=Customer,
    responses=WRITES,
    tags=CUSTOMERS,
    summary="A new customer",
)
def create_customer(call: Writer, body: CustomerRequest) -> Response:
    return call.post(
        body,
        lambda: Customer.of(customers.create_customer(call.world, call.actor, body.new())),
        201,
    )


@router.get(
    "/customers/{id}",
    response_model=Customer,
    responses=READS,
    tags=CUSTOMERS,
    summary="One customer",
)
def show_customer(call: Caller, id: IdPath) -> Response:
    found = customers.show_customer(call.world, call.actor, CustomerId(id))
    return call.answer(Customer.of(found))


@router.get(
    "/projects", response_model=Page[Project], responses=READS, tags=CUSTOMERS, summary="Projects"
)
def list_projects(call: Caller, window: Windowed, customer: Named = None) -> Response:
    whose = None if customer is None else CustomerId(customer)
    found = customers.list_projects(call.world, call.actor, whose, window.after, window.probe)
    return call.answer(window.page(found, Project.of))


@router.post(
    "/projects",
    status_code=201,
    response_model=Project,
    responses=WRITES,
    tags=CUSTOMERS,
    summary="A new project of a customer",
)
def create_project(call: Writer, body: ProjectRequest) -> Response:
    def act() -> Project:
        customer, id = CustomerId(body.customer), ProjectId(body.id)
        made = customers.create_project(call.world, call.actor, customer, id, body.name)
        return Project.of(made)

    return call.post(body, act, 201)


@router.get(
    "/projects/{id}",
    response_model=Project,
    responses=READS,
    tags=CUSTOMERS,
    summary="One project",
)
def show_project(call: Caller, id: IdPath) -> Response:
    found = customers.show_project(call.world, call.actor, ProjectId(id))
    return call.answer(Project.of(found))


@router.get(
    "/projects/{id}/keys",
    response_model=Page[Key],
    responses=READS,
    tags=ACCESS,
    summary="The SSH keys of a project",
)
def list_keys(call: Caller, window: Windowed, id: IdPath) -> Response:
    return call.answer(window.cut(keys.list_keys(call.world, call.actor, ProjectId(id)), Key.of))


@router.post(
    "/projects/{id}/keys",
    status_code=201,
    response_model=Key,
    responses=WRITES,
    tags=ACCESS,
    summary="Let an SSH key into the leases of a project",
)
def add_key(call: Writer, id: IdPath, body: KeyRequest) -> Response:
    def act() -> Key:
        project = ProjectId(id)
        return Key.of(keys.add_key(call.world, call.actor, project, body.public_key, body.name))

    return call.post(body, act, 201)


@router.delete(
    "/keys/{id}", response_model=Key, responses=READS, tags=ACCESS, summary="Take a key away"
)
def remove_key(call: Caller, id: IdPath) -> Response:
    """From now on it opens nothing. Sessions that are open stay."""
    return call.answer(Key.of(keys.remove_key(call.world, call.actor, id)))


@router.get(
    "/members",
    response_model=Page[Member],
    responses=READS,
    tags=ACCESS,
    summary="Who has which role",
)
def list_members(
    call: Caller, window: Windowed, customer: Named = None, project: Named = None
) -> Response:
    found = identity.list_members(
        call.world,
        call.actor,
        None if customer is None else CustomerId(customer),
        None if project is None else ProjectId(project),
    )
    return call.answer(window.cut(found, Member.of))


@router.post(
    "/members",
    status_code=201,
    response_model=Member,
    responses=WRITES,
    tags=ACCESS,
    summary="Give a person a role",
)
def grant(call: Writer, body: MemberRequest) -> Response:
    """Granting twice is granting once."""

    def act() -> Member:
        granted = identity.grant(
            call.world,
            call.actor,
            body.email,
            body.role,
            None if body.customer is None else CustomerId(body.customer),
            None if body.project is None else ProjectId(body.project),
        )
        return Member.of(granted)

    return call.post(body, act, 201)


@router.delete(
    "/members/{id}", status_code=204, responses=READS, tags=ACCESS, summary="Take a role away"
)
def ungrant(call: Caller, id: IdPath) -> Response:
    identity.ungrant(call.world, call.actor, id)
    return Response(status_code=204)


@router.get(
    "/tokens",
    response_model=Page[Token],
    responses=READS,
    tags=ACCESS,
    summary="One's own API tokens",
)
def list_tokens(call: Caller, window: Windowed) -> Response:
    """An administrator sees all. Secrets are never shown again."""
    return call.answer(window.cut(identity.list_tokens(call.world, call.actor), Token.of))


@router.post(
    "/tokens",
    status_code=201,
    response_model=NewToken,
    responses=WRITES,
    tags=ACCESS,
    summary="A new API token, its secret shown this once",
)
def create_token(call: Writer, body: TokenRequest) -> Response:
    def act() -> tuple[NewToken, NewToken]:
        whose = None if body.principal is None else PrincipalId(body.principal)
        made = identity.create_token(call.world, call.actor, body.name, body.days, whose)
        answer = NewToken.made(made)
        return answer, answer.without_secret()

    return call.post_secret(body, act, 201)


@router.delete(
    "/tokens/{id}", response_model=Token, responses=READS, tags=ACCESS, summary="Revoke a token"
)
def revoke_token(call: Caller, id: IdPath) -> Response:
    """From the next request on it is refused. Revoking twice is fine."""
    return call.answer(Token.of(identity.revoke_token(call.world, call.actor, id)))
