"""Signing in: principals, tokens and grants."""

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta

from rackrate.app.ports import Tx
from rackrate.app.world import World, acting, reading
from rackrate.core.access import ROLES, Actor, Grant, Role, Scope, Target, Verb
from rackrate.core.errors import Forbidden, Invalid, Missing, Unauthenticated
from rackrate.core.ids import CustomerId, PrincipalId, ProjectId
from rackrate.core.parties import Customer, Principal, PrincipalKind, Project, Token

ADMIN = PrincipalId("admin")


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token with its secret, which is shown this once and kept nowhere."""

    token: Token
    secret: str


def digest(secret: str) -> str:
    """What is kept of a token. The secret has 160 random bits, so a plain hash suffices."""
    return hashlib.sha256(secret.encode()).hexdigest()


def sign_in(world: World, secret: str, request: str = "") -> Actor:
    """Who holds this token, with the grants of this moment; Unauthenticated otherwise."""
    with world.store.transaction() as tx:
        found = tx.find(Token, digest=digest(secret), limit=1)
        if not found:
            raise Unauthenticated("this token is not known; make one with: rackrate token create")
        token = found[0]
        if not token.valid(world.clock.now()):
            state = "revoked" if token.revoked else "expired"
            raise Unauthenticated(f"token {token.id} is {state}")
        return actor_of(tx, token.principal, request)


def actor_of(tx: Tx, principal: PrincipalId, request: str = "") -> Actor:
    """The principal as an actor, with its grants."""
    return Actor(principal, tuple(tx.find(Grant, principal=principal)), request)


def bootstrap(world: World) -> NewToken | None:
    """On the first start: an administrator and its token. Later: None."""
    with world.store.transaction() as tx:
        if tx.peek(Principal, ADMIN) is not None:
            return None
        tx.add(Principal(ADMIN, PrincipalKind.PERSON, "Administrator"))
        tx.put(grant_of(ADMIN, Role.ADMIN, None, None))
        return _new_token(world, tx, ADMIN, "first start", None)


def administrator(world: World) -> Actor:
    """The administrator as an actor, for what the program itself does at its first start."""
    with world.store.transaction() as tx:
        return actor_of(tx, ADMIN, "first start")


def recover(world: World) -> NewToken:
    """A new administrator token, for whoever holds the data folder."""
    with world.store.transaction() as tx:
        tx.get(Principal, ADMIN)
        return _new_token(world, tx, ADMIN, "recovered", None)


def create_token(
    world: World,
    actor: Actor,
    name: str,
    days: int | None,
    principal: PrincipalId | None = None,
) -> NewToken:
    """A token for oneself; with `token.write` on what the other may do, for another."""
    if not 1 <= len(name) <= 100:
        raise Invalid("name", "a token's name has 1 to 100 characters")
    if days is not None and not 1 <= days <= 3650:
        raise Invalid("days", "a token lives 1 to 3650 days, or for ever when days is left out")
    whose = principal or actor.principal
    with acting(world, actor, Verb.CATALOGUE_READ, Target("catalogue", f"token of {whose}")) as tx:
        if whose != actor.principal:
            _check_over(tx, actor, whose)
        lifetime = None if days is None else timedelta(days=days)
        return _new_token(world, tx, whose, name, lifetime)


def revoke_token(world: World, actor: Actor, id: str) -> Token:
    """From now on the token is refused. Revoking twice is fine."""
    with acting(world, actor, Verb.CATALOGUE_READ, Target("catalogue", f"token {id}")) as tx:
        token = tx.get(Token, id)
        if token.principal != actor.principal:
            try:
                _check_over(tx, actor, token.principal)
            except Missing:
                raise Missing("token", id) from None  # And not whose it is.
        if token.revoked is None:
            token = replace(token, revoked=world.clock.now())
            tx.put(token)
        return token


def list_tokens(world: World, actor: Actor) -> list[Token]:
    """One's own tokens; an administrator sees all."""
    with reading(world, actor, Verb.CATALOGUE_READ, Target("catalogue")) as tx:
        if any(grant.role is Role.ADMIN for grant in actor.grants):
            return tx.find(Token)
        return tx.find(Token, principal=actor.principal)


def grant(
    world: World,
    actor: Actor,
    email: str,
    role: Role,
    customer: CustomerId | None,
    project: ProjectId | None,
) -> Grant:
    """Give a person a role on a scope, and make the person known if it is new."""
    if "@" not in email or len(email) > 200 or any(char.isspace() for char in email):
        raise Invalid("email", f"{email!r} is not an e-mail address")
    scope = ROLES[role][0]
    asked = Scope.PROJECT if project else Scope.CUSTOMER if customer else Scope.OPERATOR
    if scope != asked:
        raise Invalid("role", f"{role} is granted on a {scope}, not on a {asked}")
    target = Target("member", email, customer, project)
    with acting(world, actor, membership_verb(customer), target) as tx:
        _check_scope(tx, customer, project)
        who = person(email)
        if tx.peek(Principal, who.id) is None:
            tx.add(who)
        granted = grant_of(who.id, role, customer, project)
        tx.put(granted)
        return granted


def ungrant(world: World, actor: Actor, id: str) -> None:
    """Take a grant away. The last administrator cannot be taken away."""
    with world.store.transaction() as tx:
        granted = tx.peek(Grant, id)
    if granted is None or (granted.customer is None and not actor.operator):
        raise Missing("grant", id)
    target = Target("grant", id, granted.customer, granted.project)
    with acting(world, actor, membership_verb(granted.customer), target) as tx:
        admins = [g for g in tx.find(Grant) if g.role is Role.ADMIN]
        if granted.role is Role.ADMIN and len(admins) == 1:
            raise Forbidden("the last administrator stays")
        tx.remove(Grant, id)


def list_members(
    world: World, actor: Actor, customer: CustomerId | None, project: ProjectId | None = None
) -> list[Grant]:
    """Who has which role here."""
    with reading(world, actor, Verb.MEMBER_READ, Target("member", "", customer, project)) as tx:
        if customer is None:
            return tx.find(Grant)
        found = tx.find(Grant, customer=customer)
        return [g for g in found if project is None or g.project == project]


def _check_scope(tx: Tx, customer: CustomerId | None, project: ProjectId | None) -> None:
    if customer is not None:
        tx.get(Customer, customer)
    if project is not None and tx.get(Project, project).customer != customer:
        raise Missing("project", project)


def _check_over(tx: Tx, actor: Actor, principal: PrincipalId) -> None:
    """Whether the actor may act for `principal`: over everything that this one was granted."""
    tx.get(Principal, principal)
    granted = tx.find(Grant, principal=principal)
    if any(g.role is Role.ADMIN for g in actor.grants):
        return
    mine = {g.customer for g in actor.grants if g.role is Role.OWNER}
    if not granted or any(g.customer is None or g.customer not in mine for g in granted):
        raise Missing("principal", principal)


def membership_verb(customer: CustomerId | None) -> Verb:
    """Members of a customer are its own matter; only an administrator makes operators."""
    return Verb.SYSTEM_WRITE if customer is None else Verb.MEMBER_WRITE


def person(email: str) -> Principal:
    """Somebody as a principal: an e-mail address is one, however it is capitalised."""
    return Principal(PrincipalId(email.lower()), PrincipalKind.PERSON, email, email.lower())


def grant_of(
    principal: PrincipalId, role: Role, customer: CustomerId | None, project: ProjectId | None
) -> Grant:
    """The grant with the id that its parts make."""
    scope = project or customer or "operator"
    return Grant(f"{principal}:{role}:{scope}", principal, role, customer, project)


def _new_token(
    world: World, tx: Tx, principal: PrincipalId, name: str, lifetime: timedelta | None
) -> NewToken:
    now = world.clock.now()
    secret = f"rr_{world.ids.secret()}"
    expires = None if lifetime is None else now + lifetime
    token = Token(world.ids.new("tok"), principal, digest(secret), name, now, expires)
    tx.add(token)
    return NewToken(token, secret)
