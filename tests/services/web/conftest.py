"""What the tests of the API have in common."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent / "kit"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "changes: the test itself does what is recorded")
