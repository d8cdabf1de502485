"""One whole Accord for all of this folder; what a test needs of its own, it asks for itself."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def _load(name: str, file: Path) -> None:
    """Tests are imported by their paths, and `tests/` must not be on the import path (its
    folders have the floors' names): so this one file is loaded by hand."""
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


_load("stack", HERE.parents[1] / "stack.py")
sys.path.append(str(HERE / "kit"))

from stack import Stack  # noqa: E402  found by the lines above


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "changes: the test itself does what is recorded")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The running Accord. Whoever changes what others rely on undoes it."""
    with Stack() as running:
        yield running
