"""Makes the example's `survey.csv` and `genome.fasta`, the same bytes every time.

Every person, people, place and sequence is invented. Run it in any folder to make
the two files there, or name a folder::

    python3 deploy/example/make_survey.py FOLDER

Only `random.Random.random` is used, because Python promises that it alone gives the
same numbers in every later version for the same seed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

SEED = 20_260_206
COLUMNS = "record,peoples,place,year,birth_year,clinic_visits,language_at_home,income_band"

RIVER = "example-river-people"
HILL = "example-hill-people"
ISLAND_A = "example-island-a-people"
ISLAND_B = "example-island-b-people"
NEWCOMER = "example-newcomer-people"

SINGLE = ((RIVER, 150), (HILL, 150), (ISLAND_A, 120), (ISLAND_B, 120), (NEWCOMER, 260))
MIXED = (
    (RIVER, HILL),
    (RIVER, ISLAND_A),
    (RIVER, ISLAND_B),
    (HILL, ISLAND_B),
    (HILL, NEWCOMER),
    (ISLAND_A, ISLAND_B),
    (ISLAND_B, NEWCOMER),
    (RIVER, NEWCOMER),
    (RIVER, HILL, ISLAND_A),
    (RIVER, HILL, ISLAND_B),
    (ISLAND_A, ISLAND_B, NEWCOMER),
    (HILL, ISLAND_A, ISLAND_B),
)
"""Ten people each belong to every one of these."""

PLACES = ("example-river-valley", "example-hill-country", "example-harbour-town")
HOME = {RIVER: PLACES[0], HILL: PLACES[1]}
YEARS = range(2018, 2024)
COMMON_LANGUAGE = "example-common-language"
INCOME_BANDS = ("under-20k", "20k-to-40k", "40k-to-60k", "60k-to-90k", "over-90k")


def _pick(chance: Random, among: Sequence[str]) -> str:
    return among[int(chance.random() * len(among))]


def _affiliations() -> list[str]:
    """Who belongs to which peoples: 1,000 entries, in no order yet."""
    entries = [people for people, count in SINGLE for _ in range(count)]
    entries += [";".join(peoples) for peoples in MIXED for _ in range(10)]
    # An affiliation that nobody wrote down, and one that was asked for and not known.
    return entries + [""] * 40 + ["unknown"] * 40


def _shuffled(chance: Random, entries: list[str]) -> list[str]:
    # Sorting by random numbers, since `shuffle` makes no promise across versions.
    keyed = [(chance.random(), number, each) for number, each in enumerate(entries)]
    return [each for _, _, each in sorted(keyed)]


def _record(chance: Random, number: int, entry: str) -> str:
    peoples = [each for each in entry.split(";") if each in dict(SINGLE)]
    homes = [HOME[each] for each in peoples if each in HOME]
    place = _pick(chance, homes if homes and chance.random() < 0.6 else PLACES)
    year = YEARS[0] + int(chance.random() * len(YEARS))
    birth_year = 1938 + int(chance.random() * 65)
    # Squaring makes many visits rarer than few.
    visits = int(13 * chance.random() ** 2)
    own = [each.removesuffix("-people") + "-language" for each in peoples if each != NEWCOMER]
    language = _pick(chance, own) if own and chance.random() < 0.35 else COMMON_LANGUAGE
    income = _pick(chance, INCOME_BANDS)
    return f"E{number:04},{entry},{place},{year},{birth_year},{visits},{language},{income}"


def survey() -> str:
    """The whole of `survey.csv`: 1,000 invented people, without names."""
    chance = Random(SEED)  # noqa: S311  (an example, not a secret)
    entries = _shuffled(chance, _affiliations())
    lines = [_record(chance, number, entry) for number, entry in enumerate(entries, start=1)]
    return "\n".join([COLUMNS, *lines, ""])


def genome() -> str:
    """The whole of `genome.fasta`: a sequence of chance letters, of no living thing."""
    chance = Random(SEED + 1)  # noqa: S311  (an example, not a secret)
    lines = ["".join(_pick(chance, "ACGT") for _ in range(60)) for _ in range(200)]
    title = ">example_plant_1 Example plant: an invented sequence, of no living thing"
    return "\n".join([title, *lines, ""])


def main() -> None:
    """Write both files into the folder named, or into this one."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
    for name, content in (("survey.csv", survey()), ("genome.fasta", genome())):
        (folder / name).write_bytes(content.encode("utf-8"))


if __name__ == "__main__":
    main()
