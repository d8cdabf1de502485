"""One whole Accord for all of this folder; what a test needs of its own, it asks for itself."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Tests are imported by their paths, and `tests/` is not on the import path: loaded by hand,
# under the name by which the tests beside this file import it.
_spec = importlib.util.spec_from_file_location(
    "stack", Path(__file__).resolve().parents[1] / "stack.py"
)
assert _spec is not None
assert _spec.loader is not None
if "stack" not in sys.modules:
    _module = importlib.util.module_from_spec(_spec)
    sys.modules["stack"] = _module
    _spec.loader.exec_module(_module)

from stack import Stack  # noqa: E402  found by the lines above


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The running Accord. Whoever changes what others rely on undoes it."""
    with Stack() as running:
        yield running
