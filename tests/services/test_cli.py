"""The command line as an operator meets it: every sentence, every exit code, real processes."""

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.sign_in import known
from services.sign_in.keys import DeploymentKey

Run = Callable[..., "subprocess.CompletedProcess[str]"]
HEADER = "agency,collection,schema,table,variable\n"


def accord(home: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ACCORD_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "services.cli", *arguments],
        env={**kept, "ACCORD_HOME": str(home), **environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    told = accord(folder, "migrate")
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip() == "The database is up to date."
    return folder


def test_help_names_every_command_and_what_it_is_for(home: Path) -> None:
    told = accord(home, "--help").stdout
    for command in ("up", "story", "worker", "migrate", "operator", "catalogue", "check", "ledger",
                    "rules"):  # fmt: skip
        assert f"\n  {command} " in told
    assert "verify" in accord(home, "ledger", "--help").stdout


def test_what_is_not_understood_is_exit_code_2(home: Path) -> None:
    told = accord(home, "catalogue", "imprt")
    assert told.returncode == 2
    assert "No such command" in told.stderr


def test_before_the_database_is_there_a_sentence_says_what_to_do(tmp_path: Path) -> None:
    told = accord(tmp_path, "ledger", "export", str(tmp_path / "out"))
    assert told.returncode == 3
    assert "accord migrate" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_port_in_use_is_a_sentence_that_names_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told = accord(tmp_path, "up", ACCORD_WEB_PORT=port)
    assert told.returncode == 3
    assert f"Port {port} (portal) is in use" in told.stderr
    assert "ACCORD_WEB_PORT" in told.stderr


def test_a_port_that_is_no_port_is_a_sentence(tmp_path: Path) -> None:
    told = accord(tmp_path, "up", ACCORD_WEB_PORT="eighty")
    assert told.returncode == 3
    assert told.stderr.startswith("ACCORD_WEB_PORT must be a port number")


def test_a_home_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    told = accord(tmp_path / "file" / "home", "up")
    assert told.returncode == 3
    assert "ACCORD_HOME" in told.stderr
    assert "Traceback" not in told.stderr


def test_the_operator_gets_an_address_to_sign_in_by(home: Path) -> None:
    for wrong in ("somebody", "@example.org", "somebody@"):
        told = accord(home, "operator", "--email", wrong)
        assert (told.returncode, told.stderr) == (3, "That is no whole e-mail address.\n")
    for _ in range(2):
        told = accord(home, "operator", "--email", "operator@example.org")
        assert told.returncode == 0, told.stderr
        assert told.stdout.startswith("Written down.")
    # A home that was put back without its key finds the address again.
    key = DeploymentKey(home)
    found = "SELECT count(*) FROM emails WHERE lookup = ?"
    (home / "deployment.key").unlink()
    assert accord(home, "migrate").returncode == 0
    with sqlite3.connect(home / "accord.db") as connection:
        row = connection.execute(found, [known.lookup(key, "Operator@example.org")]).fetchone()
    assert row == (1,)


def test_of_a_bad_catalogue_nothing_is_kept_and_each_fault_is_told(
    home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text(HEADER + "A,B,one,t,x\nA,B,one,t\nA,B,one,t,x\n", "utf-8")
    told = accord(home, "catalogue", "import", str(file))
    assert told.returncode == 1
    assert "list.csv, line 3" in told.stderr
    assert "list.csv, line 4" in told.stderr
    assert "Nothing of the file was kept." in told.stderr
    kept = accord(home, "catalogue", "import", "--keep-good", str(file))
    assert kept.returncode == 0
    assert kept.stdout.startswith("1 new items")


def test_the_same_file_twice_is_said(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "twice.csv"
    file.write_text(HEADER + "A,Māori names,two,t,reo\n", "utf-8")
    assert accord(home, "catalogue", "import", str(file)).returncode == 0
    told = accord(home, "catalogue", "import", str(file))
    assert told.returncode == 1
    assert "Traceback" not in told.stderr


def test_an_export_verifies_and_a_changed_byte_does_not(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    told = accord(home, "ledger", "export", str(file))
    assert told.returncode == 0, told.stderr
    told = accord(home, "ledger", "verify", str(file), "--earlier", str(file))
    assert told.returncode == 0, told.stderr
    assert "Verified: " in told.stdout
    content = bytearray(file.read_bytes())
    content[content.index(b"Entered")] ^= 1
    file.write_bytes(content)
    told = accord(home, "ledger", "verify", str(file))
    assert told.returncode == 1
    assert told.stderr.startswith("line 2: ")
    assert told.stderr.rstrip().endswith("Not verified.")


def test_an_export_that_is_not_there_is_a_sentence(home: Path, tmp_path: Path) -> None:
    told = accord(home, "ledger", "verify", str(tmp_path / "none"))
    assert told.returncode == 3
    assert "cannot be read" in told.stderr


def test_a_check_without_an_answer_counts_as_no(home: Path) -> None:
    told = accord(home, "check", "--person", "person-x", "--item", "x", "--purpose", "p")
    assert told.returncode == 3
    assert "accord up --example" in told.stderr
