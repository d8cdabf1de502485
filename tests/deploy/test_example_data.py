"""The example's data: invented, made again byte for byte, and of the shape that others rely on."""

import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "deploy" / "example"
PEOPLES = {
    "example-river-people",
    "example-hill-people",
    "example-island-a-people",
    "example-island-b-people",
    "example-newcomer-people",
}


def records() -> list[dict[str, str]]:
    with (EXAMPLE / "survey.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def test_the_files_are_made_again_byte_for_byte(tmp_path: Path) -> None:
    maker = EXAMPLE / "make_survey.py"
    subprocess.run([sys.executable, "-P", str(maker), str(tmp_path)], check=True)
    for name in ("survey.csv", "genome.fasta"):
        assert (tmp_path / name).read_bytes() == (EXAMPLE / name).read_bytes(), name


def test_the_survey_has_the_peoples_that_the_story_needs() -> None:
    found = records()
    assert [each["record"] for each in found] == [f"E{n:04}" for n in range(1, 1001)]
    counts = Counter(each["peoples"] for each in found)
    assert {each: counts[each] for each in PEOPLES} == {
        "example-river-people": 150,
        "example-hill-people": 150,
        "example-island-a-people": 120,
        "example-island-b-people": 120,
        "example-newcomer-people": 260,
    }
    assert counts[""] + counts["unknown"] == 80
    several = [each.split(";") for each in counts.elements() if ";" in each]
    assert len(several) == 120
    assert {len(each) for each in several} == {2, 3}
    assert sum("example-island-b-people" in each for each in several) > 50
    assert {people for each in several for people in each} == PEOPLES


def test_every_value_is_of_its_kind() -> None:
    for each in records():
        assert each["place"] in {
            "example-river-valley", "example-hill-country", "example-harbour-town",
        }  # fmt: skip
        assert 2018 <= int(each["year"]) <= 2023
        assert 1938 <= int(each["birth_year"]) <= 2003
        assert 0 <= int(each["clinic_visits"]) <= 12
        assert each["language_at_home"].startswith("example-")
        assert each["income_band"] in {
            "under-20k", "20k-to-40k", "40k-to-60k", "60k-to-90k", "over-90k",
        }  # fmt: skip


def test_the_genome_says_that_it_is_invented() -> None:
    title, *lines = (EXAMPLE / "genome.fasta").read_text(encoding="utf-8").splitlines()
    assert title.startswith(">")
    assert "invented" in title
    assert len(lines) == 200
    assert set("".join(lines)) == set("ACGT")
