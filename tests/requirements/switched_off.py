"""Shows that the tests of `docs/coverage.md` can fail: by hand,

    .venv-tests/bin/python tests/requirements/switched_off.py [R…]

For each claimed requirement it switches off what serves it, in a copy of the project with an
environment of its own, and runs that requirement's test, which must then fail. It takes some
ten minutes. Exit code 1: some test passed all the same.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

AGREED = ("policies/request/state.py", "            and not self.waiting_for()\n", "")
OUT = ("policies/request/narrowing.py", "state.pinned.peoples) - parts", "state.pinned.peoples)")
ROUTE = ("policies/routing.py", "            for rule in self._rules(body,",
         "            for rule in [] and self._rules(body,")  # fmt: skip
OWN = ("policies/restriction/decide.py", "if not (own_peoples or own_places):", "if False:")
BY = ("services/queries/register.py", "for body in sorted(terms.decisions)", "for body in ()")
OVERDUE = ("policies/grant/report.py",
           "return self.can_fall_overdue and self.terms.due_at <= now", "return False")  # fmt: skip
KAWA = ("policies/kawa.py", "    if against in said:\n", "    if False:\n")
CLOCK = ("policies/grant/decide.py", "return min(instants, default=None)", "return None")
WHY = ("services/preview.py", "    return missing\n", "    return []\n")
JOINED = ("policies/packs/example/rules.csv", "NO-LINKAGE,", "NO-SUCH-LINE,")
PURPOSE = ("policies/use.py", "if terms.purpose != question.purpose:", "if False:")
NAMES = ("policies/packs/example/rules.csv", "NO-NAMES-HEALTH,role:grantee,use.read,*,*,health",
         "NO-NAMES-HEALTH,role:grantee,use.read,*,*,child")  # fmt: skip
REPLIES = ("services/queries/register.py", '"replies": replies[data["duty"]]', '"replies": []')
BINDS = ("services/store/in_force.py", "if state.open else []", "if not state.open else []")
DISPOSAL = ("policies/grant/decide.py", "return [e.DisposalAttested(",
            "return Refused(Code.WRONG_TIME) or [e.DisposalAttested(")  # fmt: skip
RETURNED = ("policies/packs/house/rules.csv", "role:member,body:grant:return_report",
            "role:system,body:grant:return_report")  # fmt: skip
READ = ("services/queries/register.py", 'if event["type"] == "DutyDone":', "if False:")
HUI = ("policies/packs/house/rules.csv", "role:secretary,body:request:record_hui",
       "role:system,body:request:record_hui")  # fmt: skip
ECHO = ("services/web/door.py", "if asked_as is not None:", "if False:")
HISTORY = ("services/queries/requests.py", 'said.get(row.history or "")', "None")

TOGETHER = ("policies/body/decide.py", "if bodies <= agreed else []", "if agreed else []")
KORERO = ("services/preview.py", "if state.kawa.korero_first and", "if False and")
BROAD = ("services/preview.py", "for each in too_broad(", "for each in () and too_broad(")
AREA = ("policies/use.py", "return (purpose, area) if area else (purpose,)", "return (purpose,)")
KIND = ("services/preview.py", "if draft.use_kind not in set(UseKind):", "if False:")
DISPUTED = ("policies/use.py", "if unsettled.disputed &", "if frozenset() &")
STORIES = ("services/catalogue/search.py", "sa.not_(facts.a_story(items.c.id))", "sa.true()")
LIGHT = ("policies/routing.py", "if self._own is not None and not self._held(item):", "if False:")
ANEW = ("services/requests.py", 'return {**row.content, "revises": draft}, sight.now',
        'return {"revises": draft}, sight.now')  # fmt: skip

SWITCHES: dict[int, tuple[str, str, str]] = {
    1: AGREED, 3: OUT, 6: ROUTE, 7: OWN, 9: BY, 11: OVERDUE, 12: KAWA, 13: CLOCK, 15: WHY,
    18: WHY, 20: JOINED, 24: PURPOSE, 39: REPLIES, 41: PURPOSE, 42: NAMES, 47: BINDS,
    2: TOGETHER, 10: TOGETHER, 14: KORERO, 27: KORERO, 16: BROAD, 19: AREA, 23: KIND,
    30: DISPUTED, 43: DISPUTED, 44: STORIES, 45: STORIES, 48: STORIES, 61: LIGHT, 67: ANEW,
    56: DISPOSAL, 57: RETURNED, 58: READ, 65: HUI, 70: ECHO, 71: HISTORY,
}  # fmt: skip
"""Requirement to (file, what stands there, what stands there when it is switched off)."""


def environment(copy: Path) -> Path:
    """The copy's own environment; its processes must not find the project's modules here."""
    spec = importlib.util.spec_from_file_location("environment", copy / "deploy/environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    bin_folder: Path = module.ensure(
        copy, ".venv-tests", copy / "tests/requirements.txt", say=print
    )
    return bin_folder


def main(wanted: list[int]) -> int:
    """Switch each off in turn; returns how many tests passed all the same."""
    copy = Path(tempfile.mkdtemp(prefix="accord-switched-off-")) / "accord"
    ignore = shutil.ignore_patterns(".git", ".venv*", ".accord", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, copy, ignore=ignore)
    python = environment(copy) / "python"
    passed = 0
    try:
        for number in wanted:
            file, there, off = SWITCHES[number]
            kept = (copy / file).read_text("utf-8")
            assert there in kept, f"R{number}: {file} no longer says {there!r}"
            (copy / file).write_text(kept.replace(there, off), "utf-8")
            told = subprocess.run(
                [python, "-P", "-m", "pytest", "--import-mode=importlib", "-q", "-n", "0",
                 "tests/requirements", "-k", f"r{number}_"],
                cwd=copy, capture_output=True, text=True, check=False,
            )  # fmt: skip
            (copy / file).write_text(kept, "utf-8")
            # 1 is a failed test; anything else tested nothing.
            failed = told.returncode == 1
            passed += not failed
            print(f"R{number}: {'fails, as it must' if failed else 'DOES NOT FAIL'} ({file})")
            if not failed:
                print(told.stdout[-1500:])
    finally:
        shutil.rmtree(copy.parent, ignore_errors=True)
    return passed


if __name__ == "__main__":
    asked = [int(each.lstrip("Rr")) for each in sys.argv[1:]] or sorted(SWITCHES)
    sys.exit(1 if main(asked) else 0)
