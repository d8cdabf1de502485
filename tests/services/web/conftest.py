"""What the tests of the API have in common."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from stack import Stack

sys.path.append(str(Path(__file__).resolve().parent / "kit"))

from web_steps import Later, live_some_weeks


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "changes: the test itself does what is recorded")


@pytest.fixture(scope="session")
def lived_in() -> Iterator[tuple[Stack, Later]]:
    """An Accord of this folder's own, of some weeks' age: moving time is quick only while
    little is open, so it is done before anything else."""
    with Stack() as running:
        yield running, live_some_weeks(running)


@pytest.fixture(scope="session")
def stack(lived_in: tuple[Stack, Later]) -> Stack:
    """The running Accord. Whoever changes what others rely on undoes it."""
    return lived_in[0]


@pytest.fixture(scope="session")
def later(lived_in: tuple[Stack, Later]) -> Later:
    """What the weeks before have left behind."""
    return lived_in[1]
