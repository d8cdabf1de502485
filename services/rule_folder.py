"""A rule pack's folder on this machine, read as strictly as the pack's adoption would be."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

from policies.adopting import check_adopter, likely_adopter
from policies.cases import CASE_FILES, Cases, read_cases
from policies.faults import FaultsError, Found
from policies.purpose import read_purposes
from policies.rules import PACK_FILES, Pack, read_pack
from policies.table import MAX_FILE_BYTES
from policies.types import CLASSES
from services.catalogue import proposals

PURPOSES, PROPOSALS = "purposes.csv", "proposals.csv"
"""Two tables that may lie beside a pack, and are nobody's rules about data."""

MOST_FILES = 100
_NOT_READ = frozenset({"README.md", "README.txt", "LICENSE"})


@dataclass
class Folder:
    """What a folder holds, and what is wrong with it. With anything wrong, nothing is used."""

    pack: Pack = field(default_factory=Pack)
    cases: Cases = field(default_factory=Cases)
    found: Found = field(default_factory=Found)

    @property
    def lines(self) -> dict[str, int]:
        """How many lines each of its files has, headers not counted."""
        counts = {
            "rules.csv": len(self.pack.rules),
            "routing.csv": len(self.pack.routing),
            "roles.csv": len(self.pack.roles),
            **{name: len(rows) for name, rows in self.pack.tables.items()},
            "cases.csv": len(self.cases.uses),
            "routing_cases.csv": len(self.cases.routing),
        }
        return {name: count for name, count in counts.items() if count}


def read_folder(path: Path) -> Folder:
    """Everything in a pack's folder; what is wrong is told, all at once, in the answer.

    Files whose names begin with a dot are passed over (spreadsheets lay some beside those that
    are open); any other name that a pack has not is told, since it may be a misspelt one.
    """
    folder = Folder()
    files = _files(path, folder.found)
    others = files.keys() - CASE_FILES.keys() - {PURPOSES, PROPOSALS}
    if not others & {*PACK_FILES} and not folder.found.count:
        sentence = f"Here is no pack; its files are {', '.join(PACK_FILES)}."
        folder.found.add(path.name, 1, "file", sentence)
    try:
        folder.pack = read_pack({name: files[name] for name in sorted(others)})
        check_adopter(folder.pack, likely_adopter(folder.pack))
    except FaultsError as error:
        folder.found.take(error)
    try:
        folder.cases = read_cases({name: files[name] for name in CASE_FILES if name in files})
    except FaultsError as error:
        folder.found.take(error)
    _read_beside(files, folder.found)
    return folder


def _files(path: Path, found: Found) -> dict[str, bytes]:
    there = sorted(each for each in path.iterdir() if not each.name.startswith("."))
    there = [each for each in there if each.name not in _NOT_READ]
    if len(there) > MOST_FILES:
        found.add(path.name, 1, "file", "Here are too many files for a pack; name its own folder.")
        return {}
    files = {}
    for each in there:
        if not each.is_file():
            found.add(each.name, 1, "file", "A pack's folder holds files alone; take this out.")
            continue
        try:
            with each.open("rb") as content:
                # One byte more than is allowed is enough to refuse it by its size.
                files[each.name] = content.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            found.add(each.name, 1, "file", f"It cannot be read: {error.strerror}.")
    return files


def _read_beside(files: dict[str, bytes], found: Found) -> None:
    try:
        if PURPOSES in files:
            read_purposes(files[PURPOSES], PURPOSES)
        if PROPOSALS in files:
            proposals.load(io.BytesIO(files[PROPOSALS]), CLASSES)
    except FaultsError as error:
        found.take(error)
    except proposals.BadRules as error:
        for each in error.faults:
            found.add(PROPOSALS, each.line, str(each.column), each.sentence)
    except ValueError as error:
        found.add(PROPOSALS, 1, "file", str(error))
