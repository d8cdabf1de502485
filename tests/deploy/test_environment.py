"""The environment maker: what it leaves alone, what it refuses, and in which words."""

import ast
import errno
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKER = ROOT / "deploy" / "environment.py"
MOST_WORDS = 25


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("accord_environment", MAKER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


environment = load()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with what an environment is made from, under a name with a space and a macron."""
    root = tmp_path / "te rōpū o Accord"
    (root / "deploy").mkdir(parents=True)
    (root / "deploy" / "installer.txt").write_text("uv==1\n")
    (root / "deploy" / "requirements.txt").write_text("one==1\n")
    (root / "pyproject.toml").write_text("[project]\n")
    return root


def lock(root: Path) -> Path:
    return root / "deploy" / "requirements.txt"


def pretend_made(root: Path) -> Path:
    """Leave what a finished run leaves, as far as the stamp can tell."""
    home = root / ".venv"
    commands = environment.commands(home)
    commands.mkdir(parents=True)
    (commands / environment.PYTHON).touch()
    (home / environment.STAMP).write_text("\n".join(environment.fingerprint(root, lock(root))))
    return home


def silence(line: str) -> None:
    pytest.fail(f"nothing should have been said, but this was: {line}")


def refusal(call: Callable[[], object]) -> str:
    """The sentence of a refusal, held to the length that every sentence here is held to."""
    with pytest.raises(environment.EnvironmentMakingError) as caught:
        call()
    sentence = str(caught.value)
    assert len(sentence.split()) <= MOST_WORDS, sentence
    return sentence


def test_a_finished_environment_is_left_alone_at_once(project: Path) -> None:
    home = pretend_made(project)
    before = time.perf_counter()
    assert environment.ensure(project, ".venv", lock(project), say=silence) == environment.commands(
        home
    )
    assert time.perf_counter() - before < 0.1


@pytest.mark.parametrize(
    "changed", ["deploy/requirements.txt", "deploy/installer.txt", "pyproject.toml"]
)
def test_a_changed_file_changes_the_stamp_but_not_the_place(project: Path, changed: str) -> None:
    everything, place = environment.fingerprint(project, lock(project))
    (project / changed).write_text("something else\n")
    everything_now, place_now = environment.fingerprint(project, lock(project))
    assert everything_now != everything
    assert place_now == place


def test_a_moved_folder_changes_the_place(project: Path) -> None:
    before = environment.fingerprint(project, lock(project))
    moved = project.rename(project.with_name("elsewhere"))
    after = environment.fingerprint(moved, lock(moved))
    assert before[0] != after[0]
    assert before[1] != after[1]


@pytest.mark.parametrize("stamp", [None, "", "half a stamp"])
def test_a_half_made_environment_does_not_count(project: Path, stamp: str | None) -> None:
    home = pretend_made(project)
    want = environment.fingerprint(project, lock(project))
    assert environment.is_complete(home, want)
    (home / environment.STAMP).unlink()
    if stamp is not None:
        (home / environment.STAMP).write_text(stamp)
    assert not environment.is_complete(home, want)


def test_an_environment_whose_python_is_gone_does_not_count(project: Path) -> None:
    home = pretend_made(project)
    (environment.commands(home) / environment.PYTHON).unlink()
    assert not environment.is_complete(home, environment.fingerprint(project, lock(project)))


def test_a_folder_that_somebody_else_made_is_not_touched(project: Path) -> None:
    theirs = project / ".venv" / "notes.txt"
    theirs.parent.mkdir()
    theirs.write_text("kept")
    sentence = refusal(
        lambda: environment.ensure(project, ".venv", lock(project), say=silence),
    )
    assert "move it away" in sentence
    assert list(theirs.parent.iterdir()) == [theirs]


def test_a_second_run_waits_and_finds_the_work_done(project: Path) -> None:
    home = pretend_made(project)
    (home / environment.STAMP).write_text("")
    said: list[str] = []
    waiting = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        waiting.set()

    second = threading.Thread(
        target=environment.ensure, args=(project, ".venv", lock(project)), kwargs={"say": say}
    )
    with environment.alone(home, silence) as stamp:
        second.start()
        assert waiting.wait(timeout=10)
        stamp.write("\n".join(environment.fingerprint(project, lock(project))).encode())
    second.join(timeout=10)
    assert not second.is_alive()
    assert said == ["Another run is making .venv; waiting for it ..."]


def test_what_a_half_made_environment_holds_is_removed_but_not_what_it_links_to(
    project: Path,
) -> None:
    home = pretend_made(project)
    kept = project / "kept"
    kept.mkdir()
    (kept / "file").touch()
    (home / "link").symlink_to(kept)
    environment._empty(home)
    assert [entry.name for entry in home.iterdir()] == [environment.STAMP]
    assert (kept / "file").exists()


def test_an_old_python_is_named_with_what_to_do() -> None:
    sentence = refusal(lambda: environment.check_python((3, 9, 18)))
    assert "3.11 or newer and this is 3.9" in sentence
    environment.check_python((3, 11, 0))
    environment.check_python((4, 0, 0))


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_python_without_venv_names_the_package(missing: str) -> None:
    sentence = refusal(lambda: environment.check_venv(lambda name: name != missing or None))
    assert "python3-venv" in sentence
    environment.check_venv(lambda name: name)


def test_too_little_room_is_said_before_anything_starts() -> None:
    sentence = refusal(lambda: environment.check_room(700_000_000, Path("here")))
    assert "0.7 GB" in sentence
    assert "1.2 GB" in sentence
    environment.check_room(1_300_000_000, Path("here"))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EACCES, "may not write"),
        (errno.EROFS, "may not write"),
        (errno.EIO, "could not be made"),
    ],
)
def test_errors_of_the_system_become_sentences(number: int, words: str) -> None:
    problem = OSError(number, os.strerror(number), "some/file")
    sentence = environment.sentence_for(problem, Path("here"))
    assert words in sentence
    assert len(sentence.split()) <= MOST_WORDS


@pytest.mark.parametrize("sentence", ["NO_VENV", "FULL", "NO_PACKAGES", "NOT_ITSELF"])
def test_sentences_are_short(sentence: str) -> None:
    assert len(getattr(environment, sentence).split()) <= MOST_WORDS


def test_downloads_are_kept_inside_when_there_is_no_home(tmp_path: Path) -> None:
    inside = tmp_path / ".venv"
    for nowhere in ({}, {"HOME": ""}, {"HOME": str(tmp_path / "missing")}):
        chosen = environment.installer_variables(nowhere, inside)
        assert chosen["UV_CACHE_DIR"].startswith(str(inside))
    assert "UV_CACHE_DIR" not in environment.installer_variables({"HOME": str(tmp_path)}, inside)


def test_a_persons_own_settings_stand_and_misleading_ones_do_not(tmp_path: Path) -> None:
    given = {"UV_SYSTEM_CERTS": "false", "PYTHONPATH": "x", "PIP_TARGET": "x", "PIP_PROXY": "p"}
    chosen = environment.installer_variables(given, tmp_path)
    assert chosen["UV_SYSTEM_CERTS"] == "false"
    assert chosen["PIP_PROXY"] == "p"
    assert "PYTHONPATH" not in chosen
    assert "PIP_TARGET" not in chosen


def test_uv_is_told_what_pip_was_told() -> None:
    listing = "\n".join(
        [
            "global.index-url='https://one.example/simple'",
            "global.extra-index-url='https://two.example https://three.example'",
            "install.index-url='https://four.example/simple'",
            ":env:.find-links='here there'",
            "global.timeout='60'",
            "global.cert=not a Python word",
        ]
    )
    chosen = environment.uv_variables(listing, {"UV_INDEX": "https://mine.example"})
    assert chosen == {
        "UV_DEFAULT_INDEX": "https://four.example/simple",
        "UV_INDEX": "https://mine.example",
        "UV_FIND_LINKS": "here,there",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


@pytest.mark.parametrize("folder", ["deploy", "tests"])
def test_help_builds_nothing(project: Path, folder: str) -> None:
    (project / folder).mkdir(exist_ok=True)
    shutil.copy(MAKER, project / "deploy")
    shutil.copy(ROOT / folder / "__main__.py", project / folder)
    done = subprocess.run(
        [sys.executable, str(project / folder), "--help"],
        capture_output=True,
        text=True,
        check=False,
        env={},
    )
    assert done.returncode == 0, done.stderr
    assert f"python3 {folder}" in done.stdout
    assert not list(project.glob(".venv*"))


@pytest.mark.parametrize(
    "name", ["deploy/environment.py", "deploy/__main__.py", "tests/__main__.py"]
)
def test_old_pythons_can_read_what_refuses_them(name: str) -> None:
    """An annotation such as `list[str]` or `A | B` stops an old Python before it can say why."""
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 7))
    for node in ast.walk(tree):
        annotations = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for annotation in filter(None, annotations):
            assert not isinstance(annotation, (ast.Subscript, ast.BinOp)), ast.unparse(annotation)
