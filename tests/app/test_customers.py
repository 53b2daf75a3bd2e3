"""Customers, projects and the audit log: each sees its own, and another's is not found."""

import pytest

from rackrate.app import customers, identity
from rackrate.app.customers import AuditFilter, NewCustomer
from rackrate.core.access import Role, Verb
from rackrate.core.errors import Conflict, Forbidden, Invalid, Missing
from rackrate.core.ids import CustomerId, ProjectId
from tests.build import CUSTOMERS, SMALL, Built, build

ROBOTICS, STUDIO = CustomerId("robotics"), CustomerId("studio")


@pytest.fixture
def built() -> Built:
    return build(SMALL, CUSTOMERS)


def test_a_new_customer_is_as_its_entity_where_nothing_else_is_said(built: Built) -> None:
    new = NewCustomer(CustomerId("lab"), "Example Lab (sample)", "CN")
    made = customers.create_customer(built.world, built.admin, new)
    assert (made.entity, made.currency, made.time_zone) == ("example", "CNY", "Asia/Shanghai")
    assert customers.show_customer(built.world, built.admin, made.id) == made
    with pytest.raises(Conflict):
        customers.create_customer(built.world, built.admin, new)


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (NewCustomer(CustomerId("Lab"), "Example", "CN"), "id"),
        (NewCustomer(CustomerId("lab"), "", "CN"), "name"),
        (NewCustomer(CustomerId("lab"), "Exa\nmple", "CN"), "name"),
        (NewCustomer(CustomerId("lab"), "Example", "China"), "country"),
        (NewCustomer(CustomerId("lab"), "Example", "CN", currency="RMB"), "unknown currency"),
        (NewCustomer(CustomerId("lab"), "Example", "CN", time_zone="X/Y"), "unknown time zone"),
        (NewCustomer(CustomerId("lab"), "Example", "CN", tax_rule="7%"), "unknown tax rule"),
    ],
)
def test_a_customer_that_cannot_be_is_refused(built: Built, new: NewCustomer, field: str) -> None:
    with pytest.raises(Invalid, match=field):
        customers.create_customer(built.world, built.admin, new)
    with pytest.raises(Missing):
        customers.show_customer(built.world, built.admin, CustomerId("lab"))


def test_a_customer_sees_only_its_own_and_another_is_not_found(built: Built) -> None:
    owner = built.actor("ann@robotics.example", Role.OWNER, "robotics")
    assert [each.id for each in customers.list_customers(built.world, owner)] == ["robotics"]
    assert [each.id for each in customers.list_projects(built.world, owner)] == ["robotics-train"]
    assert customers.list_projects(built.world, owner, STUDIO) == []
    with pytest.raises(Missing):
        customers.show_customer(built.world, owner, STUDIO)
    with pytest.raises(Missing):
        customers.show_project(built.world, owner, ProjectId("studio-render"))
    with pytest.raises(Missing):
        customers.create_project(built.world, owner, STUDIO, ProjectId("mine"), "Mine")
    with pytest.raises(Forbidden):
        customers.create_customer(
            built.world, owner, NewCustomer(CustomerId("x"), "Example X (sample)", "CN")
        )


def test_a_member_sees_its_project_only(built: Built) -> None:
    owner = built.actor("ann@robotics.example", Role.OWNER, "robotics")
    customers.create_project(built.world, owner, ROBOTICS, ProjectId("robotics-sim"), "Simulation")
    member = built.actor("bob@robotics.example", Role.MEMBER, "robotics", "robotics-sim")
    assert [each.id for each in customers.list_projects(built.world, member)] == ["robotics-sim"]
    with pytest.raises(Forbidden):
        customers.show_project(built.world, member, ProjectId("robotics-train"))
    assert customers.list_customers(built.world, member) == []


def test_the_operator_sees_all_page_by_page(built: Built) -> None:
    first = customers.list_customers(built.world, built.admin, limit=1)
    rest = customers.list_customers(built.world, built.admin, after=first[0].id)
    assert [each.id for each in (*first, *rest)] == ["robotics", "studio"]
    assert len(customers.list_projects(built.world, built.admin)) == 2
    projects = customers.list_projects(built.world, built.admin, STUDIO)
    assert [each.id for each in projects] == ["studio-render"]


def test_a_project_name_is_taken_once(built: Built) -> None:
    with pytest.raises(Conflict):
        customers.create_project(
            built.world, built.admin, STUDIO, ProjectId("studio-render"), "Again"
        )


def test_the_audit_log_tells_the_operator_all_and_an_owner_its_own(built: Built) -> None:
    owner = built.actor("ann@robotics.example", Role.OWNER, "robotics")
    with pytest.raises(Missing):
        customers.show_customer(built.world, owner, STUDIO)
    customers.create_project(built.world, owner, ROBOTICS, ProjectId("robotics-sim"), "Simulation")

    everything = customers.list_audit(built.world, built.admin, limit=1000)
    assert {row.customer for row in everything} == {None, ROBOTICS, STUDIO}
    assert [row.id for row in everything] == sorted((row.id for row in everything), reverse=True)
    mine = customers.list_audit(built.world, owner)
    assert {row.customer for row in mine} == {ROBOTICS}
    assert (mine[0].verb, mine[0].target, mine[0].outcome) == (
        Verb.PROJECT_WRITE,
        "project/robotics-sim",
        "done",
    )
    with pytest.raises(Missing):
        customers.list_audit(built.world, owner, AuditFilter(customer=STUDIO))
    tried = customers.list_audit(built.world, built.admin, AuditFilter(customer=STUDIO))
    assert (tried[0].principal, tried[0].outcome) == ("ann@robotics.example", "missing")


def test_the_audit_log_is_filtered_and_paged(built: Built) -> None:
    wanted = AuditFilter(verb=Verb.CUSTOMER_WRITE)
    first = customers.list_audit(built.world, built.admin, wanted, limit=1)
    second = customers.list_audit(built.world, built.admin, wanted, after=first[0].id, limit=5)
    assert [row.target for row in (*first, *second)] == ["customer/studio", "customer/robotics"]
    with pytest.raises(Invalid):
        customers.list_audit(built.world, built.admin, limit=1001)


def test_a_member_may_not_read_the_audit_log(built: Built) -> None:
    member = built.actor("bob@robotics.example", Role.MEMBER, "robotics", "robotics-train")
    with pytest.raises(Forbidden):
        customers.list_audit(built.world, member)


def test_sales_make_no_operators(built: Built) -> None:
    sales = built.actor("sam@example.com", Role.SALES)
    identity.grant(built.world, sales, "cay@studio.example", Role.OWNER, STUDIO, None)
    with pytest.raises(Forbidden):
        identity.grant(built.world, sales, "sam@example.com", Role.ADMIN, None, None)
    with pytest.raises(Forbidden):
        identity.ungrant(built.world, sales, "admin:admin:operator")
