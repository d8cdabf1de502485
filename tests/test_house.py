"""Holds the whole house to what it promises of itself: its style, its types and its floors."""

import importlib
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("policies", "workflows", "services")
CODE = (*FLOORS, "tests", "deploy")
LONGEST_MODULE = 350

# Written in halves, so that this file does not hold what it forbids.
REGISTRIES = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "deb.debian" + ".org")
REMINDERS = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|X" + r"XX)\b")
OTHER_LOCKS = re.compile(r"(uv\.lock|pylock(\.[^/]+)?\.toml)")
LEFT_BEHIND = re.compile(
    r"(\.venv.*|\.git|\.accord|\..*_cache|\.hypothesis|__pycache__|build|.*egg-info)"
)


def run(*command: str) -> None:
    """Run a check and, if it fails, fail with its own words."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{done.stdout}{done.stderr}", pytrace=False)


def module(name: str, *arguments: str) -> None:
    run(sys.executable, "-m", name, *arguments)


def fail_for(found: list[str], sentence: str) -> None:
    """Fail once, naming everything that was found."""
    if found:
        pytest.fail("\n".join([sentence, *found]), pytrace=False)


def files() -> list[Path]:
    """What is committed or about to be; in a copy without git, everything but left-overs."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        paths = [ROOT / name.decode() for name in listing.stdout.split(b"\0") if name]
    else:
        paths = [
            path
            for path in ROOT.rglob("*")
            if not any(LEFT_BEHIND.fullmatch(part) for part in path.relative_to(ROOT).parts)
        ]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def text_files() -> list[Path]:
    return [path for path in files() if b"\0" not in path.read_bytes()]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def floors() -> list[Path]:
    return [path for path in files() if path.suffix == ".py" and name(path).split("/")[0] in FLOORS]


def test_ruff_finds_nothing() -> None:
    module("ruff", "check", *CODE)


def test_code_is_formatted() -> None:
    module("ruff", "format", "--check", *CODE)


def test_types_are_strict() -> None:
    module("mypy", "--strict", "--cache-dir", ".mypy_cache")


def test_floors_import_one_way() -> None:
    run(str(Path(sysconfig.get_path("scripts"), "lint-imports")))


def test_no_file_names_a_registry() -> None:
    """A lock that names a host fails for everyone who has a registry of their own."""
    found = [
        f"{name(path)}: {host}"
        for path in text_files()
        for host in REGISTRIES
        if host in path.read_text(encoding="utf-8", errors="replace")
    ]
    fail_for(found, "These files name a package registry; take its host name out:")


def test_no_lock_that_holds_addresses() -> None:
    found = [name(path) for path in files() if OTHER_LOCKS.fullmatch(path.name)]
    fail_for(found, "These locks record addresses of registries; keep only requirements.txt:")


def test_package_markers_are_empty() -> None:
    found = [
        name(path)
        for path in floors()
        if path.name == "__init__.py" and path.read_text(encoding="utf-8").strip()
    ]
    fail_for(found, "These must be empty, so that importing a part never starts anything:")


@pytest.mark.parametrize("floor", FLOORS)
def test_what_is_tested_is_this_folder(floor: str) -> None:
    """tests/ mirrors the floors' names, and an installed copy would pass for this one."""
    found = importlib.import_module(floor).__file__
    assert found is not None, f"{floor}/__init__.py is missing"
    assert Path(found).resolve() == ROOT / floor / "__init__.py"


def test_modules_stay_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in floors()}
    found = [f"{name(path)}: {n}" for path, n in lengths.items() if n >= LONGEST_MODULE]
    fail_for(found, f"These modules have {LONGEST_MODULE} lines or more; split them:")


def test_no_reminders_are_left_in_code() -> None:
    found = [
        f"{name(path)}:{number}: {line.strip()}"
        for path in files()
        if path.suffix == ".py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if REMINDERS.search(line)
    ]
    fail_for(found, "These lines leave work for later; do it, or write down why it waits:")


def test_text_is_utf8_with_plain_line_ends() -> None:
    found = []
    for path in text_files():
        content = path.read_bytes()
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as problem:
            found.append(f"{name(path)}: {problem}")
        if b"\r" in content:
            found.append(f"{name(path)}: holds a carriage return")
    fail_for(found, "Every text file is UTF-8 with LF line ends; these are not:")
