"""Makes the private Python environments that `python3 deploy` and `python3 tests` run in.

It needs nothing but the standard library, and it is written so that Pythons much older than
3.11 can read it: only a file that they can read can tell their owner to use a newer one. That
is why annotations here are plain or quoted.
"""

import ast
import contextlib
import errno
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows has no such locks; there, two runs at once are not guarded.
    fcntl = None

OLDEST_PYTHON = (3, 11)
ROOM_NEEDED = 1_200_000_000
ROOM_LEFT = 50_000_000
STAMP = "accord.stamp"
LOG = "accord.log"

# What would make pip, uv or Python put things elsewhere, or want something other than the lock.
DROPPED = (
    *("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "__PYVENV_LAUNCHER__"),
    *("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_PROJECT_ENVIRONMENT"),
    *("UV_CONSTRAINT", "UV_OVERRIDE", "UV_BUILD_CONSTRAINT", "UV_REQUIRE_HASHES"),
    *("PIP_CONSTRAINT", "PIP_REQUIREMENT", "PIP_REQUIRE_HASHES", "PIP_USER"),
    *("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"),
)

# pip's settings that uv knows by another name, and how uv separates several values of one.
PIP_TO_UV = (
    ("index-url", "UV_DEFAULT_INDEX", " "),
    ("extra-index-url", "UV_INDEX", " "),
    ("find-links", "UV_FIND_LINKS", ","),
    ("no-index", "UV_NO_INDEX", " "),
    ("cert", "SSL_CERT_FILE", " "),
)


class EnvironmentMakingError(Exception):
    """Carries the one plain sentence that tells a person why there is no environment."""


def ready(root: Path, folder: str, lock: Path) -> Path:
    """Serve a command line: make the environment, or end the program with one sentence."""
    try:
        return ensure(root, folder, lock, say=lambda line: print(line, flush=True))
    except EnvironmentMakingError as problem:
        raise SystemExit(str(problem)) from None
    except KeyboardInterrupt:
        print("\nStopped. The same command starts again from the beginning.", file=sys.stderr)
        raise SystemExit(130) from None


def hand_over(command: "list[str]") -> None:
    """Become another program, so that Ctrl-C and every other signal reach it directly."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(command[0], command, clean(os.environ))  # noqa: S606 - no shell is wanted
    except OSError as problem:
        name = Path(command[0])
        raise SystemExit(
            f"{name} could not be started ({problem.strerror}); "
            f"delete {name.parent.parent} and run the same command again."
        ) from None


def ensure(root: Path, folder: str, lock: Path, *, say: "Callable[[str], None]") -> Path:
    """Make `folder` under `root` hold Accord and exactly what `lock` names.

    Answers the folder of its commands, in well under a tenth of a second when nothing changed.
    """
    check_python(sys.version_info)
    root = root.resolve()
    home = root / folder
    try:
        want = fingerprint(root, lock)
        if is_complete(home, want):
            return commands(home)
        home.mkdir(exist_ok=True)
        check_ours(home)
        with alone(home, say) as stamp:
            # Whoever held the lock before may have made just what is wanted here.
            if not is_complete(home, want):
                _make(root, home, lock, want, stamp, say)
    except OSError as problem:
        raise EnvironmentMakingError(sentence_for(problem, home)) from problem
    return commands(home)


def fingerprint(root: Path, lock: Path) -> "tuple[str, str]":
    """Two SHA-256 sums: of everything an environment is made from, and of its place alone.

    The place is the Python and the folder that every script inside has written into itself; when
    it changes, an update cannot help and the environment is made anew.
    """
    place = [sys.version, sys.base_prefix, platform.machine(), str(root)]
    files = [lock, root / "deploy" / "installer.txt", root / "pyproject.toml"]
    where = _digest([part.encode("utf-8", "surrogateescape") for part in place])
    return _digest([where.encode(), *(path.read_bytes() for path in files)]), where


def is_complete(home: Path, want: "tuple[str, str]") -> bool:
    """Whether an earlier run finished making exactly this environment."""
    return read_stamp(home) == want and (commands(home) / PYTHON).exists()


def read_stamp(home: Path) -> "tuple[str, str]":
    """What the stamp says: two sums, or two empty strings for a half-made environment."""
    try:
        everything, place = (home / STAMP).read_text().split()
    except (OSError, ValueError):
        return "", ""
    return everything, place


def commands(home: Path) -> Path:
    """The folder that holds an environment's commands."""
    return home / ("Scripts" if os.name == "nt" else "bin")


def check_python(version: "tuple[int, ...]") -> None:
    """Refuse a Python too old to run Accord."""
    if tuple(version[:2]) < OLDEST_PYTHON:
        raise EnvironmentMakingError(
            f"Accord needs Python 3.11 or newer and this is {version[0]}.{version[1]}; "
            "run the same command with a newer one, such as python3.12."
        )


def check_venv(find: "Callable[[str], object]" = importlib.util.find_spec) -> None:
    """Refuse a Python that was packaged without the means to make environments."""
    if not (find("venv") and find("ensurepip")):
        raise EnvironmentMakingError(NO_VENV)


def check_room(free: int, home: Path) -> None:
    """Refuse to start what the disk cannot hold."""
    if free < ROOM_NEEDED:
        raise EnvironmentMakingError(
            f"Only {free / 1e9:.1f} GB is free for {home}; "
            f"free {ROOM_NEEDED / 1e9:.1f} GB, then run the same command again."
        )


def check_ours(home: Path) -> None:
    """Refuse to empty a folder that somebody else made: it may hold work of theirs."""
    if not (home / STAMP).exists() and any(home.iterdir()):
        raise EnvironmentMakingError(
            f"{home} was not made by this command; move it away, then run the same command again."
        )


def sentence_for(problem: OSError, home: Path) -> str:
    """Say in plain words what an error of the operating system means here."""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return FULL.format(home)
    if problem.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        where = problem.filename or home
        return (
            f"You may not write {where}; run the same command as its owner, or from a copy of "
            "Accord that is yours."
        )
    return f"{home} could not be made: {problem.strerror} ({problem.filename})."


@contextlib.contextmanager
def alone(home: Path, say: "Callable[[str], None]") -> "Iterator[BinaryIO]":
    """Hold the environment's stamp so that no other run changes the environment meanwhile."""
    with open(home / STAMP, "a+b") as stamp:
        if fcntl:
            try:
                fcntl.flock(stamp, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"Another run is making {home.name}; waiting for it ...")
                fcntl.flock(stamp, fcntl.LOCK_EX)
            except OSError:
                # Some network file systems have no locks; a single run is still right there.
                pass
        yield stamp


def clean(variables: "Mapping[str, str]") -> "dict[str, str]":
    """The environment variables without those that would lead a private environment astray."""
    return {name: value for name, value in variables.items() if name not in DROPPED}


def installer_variables(variables: "Mapping[str, str]", home: Path) -> "dict[str, str]":
    """What pip and uv are told, where the person's own settings do not say otherwise."""
    chosen = clean(variables)
    chosen.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    # A company's proxy is trusted by the machine and unknown to the list that uv carries.
    chosen.setdefault("UV_SYSTEM_CERTS", "true")
    chosen.update(PIP_USER="0", PIP_NO_INPUT="1")
    person = chosen.get("HOME", "")
    if not (person and os.access(person, os.W_OK)) and "XDG_CACHE_HOME" not in chosen:
        # A service or a build machine may have no home to keep downloads in.
        chosen.setdefault("UV_CACHE_DIR", str(home / "cache" / "uv"))
        chosen.setdefault("PIP_CACHE_DIR", str(home / "cache" / "pip"))
    return chosen


def uv_variables(listing: str, variables: "Mapping[str, str]") -> "dict[str, str]":
    """Tell uv what `pip config list` says about indexes and certificates, as uv never asks pip."""
    settings = {}
    for scope in ("global", "install", ":env:"):  # Each overrides those before it, as in pip.
        for line in listing.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(scope + "."):
                with contextlib.suppress(SyntaxError, ValueError):
                    settings[name[len(scope) + 1 :]] = str(ast.literal_eval(value)).split()
    chosen = dict(variables)
    for name, uv_name, between in PIP_TO_UV:
        if settings.get(name):
            chosen.setdefault(uv_name, between.join(settings[name]))
    # pip looks in every index and so must uv. That is safe: the lock pins every file's hash.
    chosen.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return chosen


def _make(root, home, lock, want, stamp, say):
    """Make or update the environment, leaving the stamp empty until everything is in place."""
    updating = read_stamp(home)[1] == want[1] and (commands(home) / PYTHON).exists()
    if not updating:
        check_venv()
        check_room(shutil.disk_usage(str(home)).free, home)
    stamp.truncate(0)
    run = _Runner(root, home, stamp)
    if updating:
        say(f"Bringing the private copy in {home.name} up to date ...")
    else:
        say(f"Building a private copy in {home.name} (about half a minute, once) ...")
        _empty(home)
        if not run([_this_python(), "-I", "-m", "venv", str(home)]):
            raise EnvironmentMakingError(FULL.format(home) if run.disk_is_full() else NO_VENV)
    _install(root, lock, run, say)
    stamp.write("\n".join(want).encode())


def _install(root, lock, run, say):
    """Install the lock's packages and Accord, by uv where it works and else by pip."""
    python = str(run.bin / PYTHON)
    pip = [python, "-I", "-m", "pip", "install"]
    uv = [str(run.bin / "uv"), "pip"]
    at = ["--python", python]
    itself = ["--no-deps", "--no-build-isolation", "-e", str(root)]
    installer = str(root / "deploy" / "installer.txt")
    say("  fetching the installer ...")
    # Only a ready-made uv is worth having: building one needs a compiler and many minutes.
    ready_made = ["-q", "--require-hashes", "--no-deps", "--only-binary=:all:"]
    fast = run([*pip, *ready_made, "-r", installer])
    if fast:
        settings = run.answer([python, "-I", "-m", "pip", "config", "list"])
        run.variables = uv_variables(settings, run.variables)
        say("  fetching and checking the packages ...")
        fast = run([*uv, "sync", *at, "--require-hashes", str(lock)], show=True)
    if not fast:
        say("  the fast installer did not manage; trying with pip (a minute or two) ...")
        if not run([*pip, "--require-hashes", "-r", str(lock)], show=True):
            raise EnvironmentMakingError(
                FULL.format(run.home) if run.disk_is_full() else NO_PACKAGES.format(run.log)
            )
    say("  adding Accord itself ...")
    # Without uv's cache, or it could bring back an earlier reading of this same folder.
    added = fast and run([*uv, "install", *at, "--no-cache", *itself])
    if not (added or run([*pip, *itself])):
        raise EnvironmentMakingError(
            FULL.format(run.home) if run.disk_is_full() else NOT_ITSELF.format(run.log)
        )


class _Runner:
    """Runs one step after another, keeping what each says in a log beside the environment."""

    def __init__(self, root, home, stamp):
        self.root, self.home, self.bin, self.log = root, home, commands(home), home / LOG
        self.variables = installer_variables(os.environ, home)
        # Each step holds the lock too, so that a killed run's last step is waited for.
        self.held = {"pass_fds": (stamp.fileno(),)} if fcntl else {}

    def __call__(self, command, show=False):
        """Run one step; one that shows its progress does so on a terminal only."""
        live = show and sys.stderr.isatty()
        with open(self.log, "ab") as log:
            log.write(f"\n$ {' '.join(command)}\n".encode("utf-8", "surrogateescape"))
            log.flush()
            done = subprocess.run(  # noqa: S603 - the command is this file's own
                command,
                check=False,
                cwd=str(self.root),
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=None if live else log,
                stderr=None if live else subprocess.STDOUT,
                **self.held,
            )
        return done.returncode == 0

    def answer(self, command):
        """What a command prints; nothing if it fails."""
        done = subprocess.run(  # noqa: S603 - the command is this file's own
            command,
            check=False,
            cwd=str(self.root),
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""

    def disk_is_full(self):
        """Whether a step that failed most likely did so for want of room."""
        return shutil.disk_usage(str(self.home)).free < ROOM_LEFT


def _empty(home):
    """Remove what an earlier run left, except the stamp, which is the lock that this run holds."""
    for entry in home.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(str(entry))
        elif entry.name != STAMP:
            entry.unlink()


def _this_python():
    """The running interpreter; Python does not know its own path when PATH is unset."""
    guess = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return sys.executable or str(guess)


def _digest(parts):
    """One SHA-256 over several parts, each with its length so that no two lists look alike."""
    total = hashlib.sha256()
    for part in parts:
        total.update(b"%d:" % len(part))
        total.update(part)
    return total.hexdigest()


PYTHON = "python.exe" if os.name == "nt" else "python"
NO_VENV = (
    "This Python cannot make private environments; install the python3-venv package "
    "(apt install python3-venv), then run the same command again."
)
FULL = "The disk that holds {} is full; free 1.2 GB, then run the same command again."
NO_PACKAGES = (
    "Accord's packages could not be fetched; check the network or the proxy, then run the same "
    "command again. Details: {}"
)
NOT_ITSELF = "Accord itself could not be installed from this folder; the reason is at the end of {}"
