"""A real Temporal server for all of this folder, and a home of its own for each test."""

from __future__ import annotations

import importlib.util
import inspect
import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from workflows import driver

HERE = Path(__file__).resolve().parent


def _loaded(name: str, path: Path) -> ModuleType:
    """Tests are imported by their paths, and `tests/` is not on the import path: loaded by
    hand, under the name by which the tests beside this file import it."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


for _name in ("loop", "household", "agreement", "watching", "processes", "seams"):
    _loaded(_name, HERE / f"{_name}.py")

from household import Household, prepare, settings  # noqa: E402  found by the lines above
from loop import the_loop  # noqa: E402
from processes import TEMPORAL, TIME_SKIPPING  # noqa: E402


def pytest_unconfigure() -> None:
    the_loop().close()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Tests written as coroutines run on the one loop."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    the_loop().run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


@pytest.fixture(scope="session")
def temporal() -> Iterator[Client]:
    """The wheel's server, in memory, with the flag by which time may be skipped."""
    server = the_loop().run(
        WorkflowEnvironment.start_local(
            dev_server_existing_path=TEMPORAL,
            dev_server_log_level="error",
            dev_server_extra_args=["--dynamic-config-value", TIME_SKIPPING],
        )
    )
    yield server.client
    the_loop().run(server.shutdown())


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A founded home, for copying."""
    folder = tmp_path_factory.mktemp("founded")
    prepare(settings(folder, None))
    return folder


@pytest.fixture
def household(temporal: Client, prepared_home: Path, tmp_path: Path) -> Iterator[Household]:
    """A home of the test's own, with nobody at work in it yet. Its runs end with it: another
    test's worker would look for their streams in another database."""
    home = tmp_path / "home"
    shutil.copytree(prepared_home, home)
    made = Household(settings(home, temporal.service_client.config.target_host), temporal)
    yield made
    the_loop().run(made.end())


@pytest.fixture
def working(household: Household) -> Iterator[Household]:
    """The same, with one worker."""
    worker = household.worker()
    the_loop().run(worker.__aenter__())
    yield household
    the_loop().run(worker.__aexit__(None, None, None))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What a run waits for comes soon. (The sandbox passes `workflows.driver` through.)"""
    monkeypatch.setattr(driver, "EMPTY_FOR", timedelta(seconds=1))
    # The SDK keeps the time of a try that failed, and complains when no worker is left then.
    monkeypatch.setattr(driver, "TRY_WITHIN", timedelta(seconds=1))
    return monkeypatch
