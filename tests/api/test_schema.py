"""Requests that a machine makes up from the published schema, to every operation, right and wrong:
no crash, and no answer that the schema does not describe.
"""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis.checks import positive_data_acceptance
from schemathesis.config import (
    GenerationConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)

from rackrate.api.app import create_app
from rackrate.memory import MemoryStore
from rackrate.sim.world import virtual_world
from tests.api.conftest import START, Cloud, open_cloud

EXAMPLES = 5
SEED = 20261122


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    yield from open_cloud(MemoryStore())


@pytest.fixture(scope="module")
def session(cloud: Cloud) -> Iterator[requests.Session]:
    """A connection that is kept, as the administrator, with something there to be found."""
    cloud.lease()
    with requests.Session() as kept:
        kept.trust_env = False  # No proxy is looked for at each of ten thousand requests.
        yield kept


def published() -> schemathesis.BaseSchema:
    """The schema as it is published, with requests that are the same in every run."""
    generation = GenerationConfig(max_examples=EXAMPLES, deterministic=True)
    projects = ProjectsConfig(default=ProjectConfig(generation=generation))
    config = SchemathesisConfig(seed=SEED, projects=projects)
    world, _ = virtual_world(START, [])
    return schemathesis.openapi.from_dict(create_app(world).openapi(), config=config)


schema = published()


@schema.parametrize()
@hypothesis.settings(deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
def test_every_answer_is_one_that_the_schema_describes(
    case: "schemathesis.Case[Any]", cloud: Cloud, session: requests.Session
) -> None:
    case.call_and_validate(
        base_url=f"http://127.0.0.1:{cloud.port}",
        session=session,
        headers={"Authorization": f"Bearer {cloud.admin.token}"},
        # A schema cannot say every rule: what fits it may still be refused, with a 422.
        excluded_checks=[positive_data_acceptance],
    )
