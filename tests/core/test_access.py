"""Who may do what: every role, every verb, on what is its own and on what is not."""

import pytest

from rackrate.core.access import ROLES, Actor, Grant, Role, Scope, Target, Verb, allows, knows_of
from rackrate.core.ids import CustomerId, PrincipalId, ProjectId

ME = PrincipalId("me")
MINE, OTHER = CustomerId("mine"), CustomerId("other")
PROJECT, SIBLING = ProjectId("train"), ProjectId("render")

OPERATORS = Target("node", "n1")
OWN = Target("lease", "lse_1", MINE, PROJECT)
BESIDE = Target("lease", "lse_2", MINE, SIBLING)
CUSTOMER = Target("customer", "mine", MINE)
FOREIGN = Target("lease", "lse_3", OTHER, ProjectId("x"))


def actor(role: Role) -> Actor:
    scope = ROLES[role][0]
    customer = None if scope is Scope.OPERATOR else MINE
    project = PROJECT if scope is Scope.PROJECT else None
    return Actor(ME, (Grant("g", ME, role, customer, project),))


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("role", Role)
def test_a_role_reaches_as_far_as_its_scope_and_no_further(role: Role, verb: Verb) -> None:
    scope, verbs = ROLES[role]
    who = actor(role)
    has = verb in verbs
    assert allows(who, verb, OWN) == has
    assert allows(who, verb, BESIDE) == (has and scope is not Scope.PROJECT)
    assert allows(who, verb, CUSTOMER) == (has and scope is not Scope.PROJECT)
    assert allows(who, verb, FOREIGN) == (has and scope is Scope.OPERATOR)
    assert allows(who, verb, OPERATORS) == (has and scope is Scope.OPERATOR)


@pytest.mark.parametrize("role", [r for r in Role if ROLES[r][0] is not Scope.OPERATOR])
def test_what_is_another_s_is_not_even_known(role: Role) -> None:
    assert not knows_of(actor(role), FOREIGN)
    assert knows_of(actor(role), OWN)


@pytest.mark.parametrize("verb", Verb)
def test_nobody_without_a_grant_may_do_anything(verb: Verb) -> None:
    for target in (OPERATORS, OWN, CUSTOMER, Target("catalogue")):
        assert not allows(Actor(ME, ()), verb, target)


def test_only_an_administrator_runs_the_system_and_only_finance_and_it_touch_invoices() -> None:
    may = {role for role in Role if allows(actor(role), Verb.SYSTEM_WRITE, OPERATORS)}
    assert may == {Role.ADMIN}
    bill = {role for role in Role if allows(actor(role), Verb.INVOICE_WRITE, CUSTOMER)}
    assert bill == {Role.ADMIN, Role.FINANCE}


def test_no_customer_role_writes_fleet_prices_contracts_or_books() -> None:
    never = {
        Verb.FLEET_WRITE,
        Verb.CATALOGUE_WRITE,
        Verb.CONTRACT_WRITE,
        Verb.QUOTE_WRITE,
        Verb.QUOTE_APPROVE,
        Verb.INVOICE_WRITE,
        Verb.CUSTOMER_WRITE,
        Verb.LEDGER_READ,
        Verb.READING_WRITE,
    }
    for role in Role:
        if ROLES[role][0] is not Scope.OPERATOR:
            assert not ROLES[role][1] & never, role
