"""`docs/coverage.md` is true: it lists every requirement, and claims what the tests prove."""

import ast
import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def proved() -> set[int]:
    found = set()
    files = sorted((ROOT / "tests" / "requirements").glob("test_*.py"))
    for function in [each for file in files for each in ast.parse(file.read_text("utf-8")).body]:
        for mark in getattr(function, "decorator_list", []):
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.requirement":
                number = ast.literal_eval(mark.args[0])
                assert f"r{number}_" in function.name, function.name
                found.add(number)
    return found


def test_every_requirement_has_its_row_and_only_what_is_proved_is_claimed() -> None:
    rows = re.findall(
        r"^\| R(\d+) \|.*\| (.*) \| (.*) \|$", (ROOT / "docs/coverage.md").read_text("utf-8"), re.M
    )
    assert [int(number) for number, _, _ in rows] == list(range(1, 72))
    claimed = {int(number) for number, serves, _ in rows if serves != "*not yet*"}
    assert claimed == proved()
    assert all(test for number, _, test in rows if int(number) in claimed)


def test_what_is_switched_off_is_where_it_is_looked_for() -> None:
    """That its test then fails takes ten minutes and is shown by hand; that there is something
    to switch off for each that is claimed, once and no more, is shown here."""
    spec = importlib.util.spec_from_file_location(
        "switched_off", Path(__file__).with_name("switched_off.py")
    )
    assert spec is not None
    assert spec.loader is not None
    switched_off = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(switched_off)
    assert set(switched_off.SWITCHES) == proved()
    for file, there, _ in switched_off.SWITCHES.values():
        assert (ROOT / file).read_text("utf-8").count(there) == 1, (file, there)
