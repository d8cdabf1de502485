"""Loads a file of `tests/` by its path: that folder itself must not be on the import path,
where its `workflows` could stand in for the real one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]


def load(name: str) -> Any:
    """The module in ``tests/<name>.py``, loaded once, under that name."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
