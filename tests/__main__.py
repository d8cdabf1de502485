"""What `python3 tests` runs: every test of Accord, in a private environment of their own."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent

HELP = """\
python3 tests [bench | kills | soak] [other arguments]

The first time, it builds a private environment in .venv-tests/ (about half a minute).

  (nothing)     every test; other arguments go to pytest
  bench         measure, by tests/benchmarks/run.py; other arguments go to it
  kills         kill a process at every step, by tests/kills/every_step.py; likewise
  soak          twenty bodies, 500 random requests, restarts, by tests/soak/run.py: half an hour
  -h, --help    this text; nothing is built

Once the environment is built, `.venv-tests/bin/pytest --help` lists pytest's arguments.
"""

PROGRAMS = {
    "bench": Path("tests", "benchmarks", "run.py"),
    "kills": Path("tests", "kills", "every_step.py"),
    "soak": Path("tests", "soak", "run.py"),
}


def main(arguments: "list[str]") -> None:
    """Build the environment where it is missing or old, then become what was asked for."""
    if arguments[:1] in (["-h"], ["--help"]):
        print(HELP, end="")
        return
    environment = load_environment()
    commands = environment.ready(ROOT, ".venv-tests", ROOT / "tests" / "requirements.txt")
    os.chdir(str(ROOT))
    # -P keeps the working folder off the import path: what is tested is Accord as installed.
    python = [str(commands / "python"), "-P"]
    if arguments and arguments[0] in PROGRAMS:
        environment.hand_over([*python, str(PROGRAMS[arguments[0]]), *arguments[1:]])
    environment.hand_over([*python, "-m", "pytest", "--import-mode=importlib", *arguments])


def load_environment() -> ModuleType:
    """Load deploy/environment.py by its path.

    This folder mirrors Accord's, so as long as it is on the import path its `workflows` would be
    found in place of the real one.
    """
    here = str(ROOT / "tests")
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]
    spec = importlib.util.spec_from_file_location(
        "environment", str(ROOT / "deploy" / "environment.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(sys.argv[1:])
