"""`docs/coverage.md` is true: it lists every requirement, and claims what the tests prove."""

import ast
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
