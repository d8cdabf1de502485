"""The command line's `accord rules`: check a rule pack, run its cases, try one question.

It reads a folder and nothing else: no database, no server, nothing is put in force. Exit codes
are the command line's own: 0 nothing wrong, or yes; 1 refused, or no; 2 not understood.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from policies.adopting import GRANTEE
from policies.cases import (
    CASE_COLUMNS,
    ROUTING_CASE_COLUMNS,
    Tried,
    adopters_question,
    asked_question,
    undecided,
    wrong_cases,
)
from policies.codec import instant, written
from policies.columns import COMMANDS
from policies.enforcer import NOTHING, Answer, Question, part_of_people, part_of_place
from policies.faults import Found
from policies.rules import EVERY, Pack, RoutingRule, Rule
from policies.table import Check
from policies.types import NOBODY, Capacity
from services.rule_folder import Folder, read_folder

REFUSED = 1
OWN, ANOTHER, NONE = "own", "another", "none"
ITS_OWN = "its-own"
"""The people that is asked about when none is named: the adopting body's."""

_FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
_JSON = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


@click.group()
def rules() -> None:
    """Rule packs: check one, run its cases, try a question. Nothing is put in force."""


@rules.command()
@_FOLDER
@_JSON
def check(folder: Path, as_json: bool) -> None:
    """Read the pack in FOLDER as strictly as its adoption would, and tell all that is wrong."""
    lines = _read(folder, as_json).lines
    if as_json:
        _say_json({"right": True, "count": 0, "faults": [], "lines": lines})
    else:
        told = ", ".join(f"{count} in {name}" for name, count in lines.items())
        click.echo(f"Nothing is wrong. Lines: {told or 'none'}.")


@rules.command()
@_FOLDER
@_JSON
def test(folder: Path, as_json: bool) -> None:
    """Run the cases beside the pack in FOLDER (cases.csv, routing_cases.csv)."""
    read = _read(folder, as_json)
    wrong = list(wrong_cases(read.pack, read.cases))
    count = len(read.cases.uses) + len(read.cases.routing)
    silent = undecided(read.pack, read.cases)
    if as_json:
        told = [{"case": w.case, "expected": w.expected, "found": w.found} for w in wrong]
        _say_json({"cases": count, "wrong": told, "undecided": list(silent)})
    else:
        for each in wrong:
            click.echo(str(each), err=True)
        for name in silent:
            click.echo(f"{name} decides no case; write one that shows what it is for.")
        click.echo(f"{count - len(wrong)} of {count} cases came out as they say.")
    sys.exit(REFUSED if wrong else 0)


@rules.command(name="try")
@_FOLDER
@click.option("--act", help="What is done: use.read, or a command like body:request:ask.")
@click.option("--class", "klass", help="The kind of data, like health.")
@click.option("--level", help="How finely it is seen: aggregate, unless you say otherwise.")
@click.option("--purpose", default=NOTHING, help="A purpose's short name, or an area like debt.")
@click.option("--collection", default=NOTHING, help="The collection's id.")
@click.option("--item", default=NOTHING, help="The item's id.")
@click.option("--people", help="The id of the people whose part is asked about.")
@click.option("--place", help="The id of the place whose part is asked about.")
@click.option("--slice", "records", default=EVERY, help='Which records, like {"years": [2018]}.')
@click.option("--role", help="Who asks: somebody with a grant, unless it is a command.")
@click.option("--at", help="When, with its zone: 2026-05-03T09:00:00+12:00. Otherwise now.")
@click.option(
    "--speaks-for", type=click.Choice([OWN, ANOTHER, NONE]), default=OWN, show_default=True,
    help="Is it the adopting body's own part, another body's, or does it speak for none?",
)  # fmt: skip
@click.option(
    "--capacity", type=click.Choice(list(map(str, Capacity))),
    help="Ask instead who must decide, in this standing.",
)  # fmt: skip
@_JSON
def try_command(folder: Path, as_json: bool, capacity: str | None, **asked: Any) -> None:
    """Ask the pack in FOLDER one question, as if it were all that is in force.

    Prints the answer, the line that decided, and every line that matches with its because.
    Exit code 0 is yes, 1 is no.
    """
    pack = _read(folder, as_json).pack
    if capacity is not None:
        _try_routing(pack, capacity, asked, as_json)
    else:
        _try_use(pack, asked, as_json)


def _try_use(pack: Pack, asked: dict[str, Any], as_json: bool) -> None:
    question = _question(asked)
    speaks_for = {OWN: question.whose, ANOTHER: "people:another", NONE: NOTHING}
    answer = Tried(pack).answer(question, speaks_for[asked["speaks_for"]])
    lines = {rule.id: number for number, rule in enumerate(pack.rules, 2)}
    if as_json:
        _say_json(
            {
                "question": _question_as_json(question),
                "allowed": answer.allowed,
                "decided": answer.rule.id if answer.rule else None,
                "matched": [_rule_as_json(rule, lines) for rule in answer.matched],
            }
        )
    else:
        click.echo(_asked_in_words(question))
        click.echo(_answer_in_words(answer))
        for rule in answer.matched:
            when = _when(rule)
            where = f"rules.csv, line {lines[rule.id]}"
            click.echo(f"  {rule.effect}  {rule.id} ({where}){when}: {rule.because}")
    sys.exit(0 if answer.allowed else REFUSED)


def _try_routing(pack: Pack, capacity: str, asked: dict[str, Any], as_json: bool) -> None:
    _checked(ROUTING_CASE_COLUMNS, "class", "--class", asked["klass"] or "")
    who = {"people": NOTHING, "place": NOTHING}
    if capacity in who:
        who[capacity] = _checked(
            ROUTING_CASE_COLUMNS, capacity, f"--{capacity}", asked[capacity] or ITS_OWN
        )
    tried = Tried(pack)
    found: dict[str, RoutingRule | None] = {
        body: tried.must_decide(adopters_question(body, capacity, asked["klass"], **who))
        for body in ("self", NOBODY)
    }
    if as_json:
        _say_json(
            {
                body: {"line": line.id, "because": line.because} if line else None
                for body, line in found.items()
            }
        )
    for body, line in found.items() if not as_json else ():
        what = (
            "the body that adopts this pack must decide"
            if body != NOBODY
            else "no collective body decides for this"
        )
        if line is not None:
            click.echo(f"Yes: {what}, by {line.id}: {line.because}")
    if not as_json and not any(found.values()):
        click.echo("No: by no line of this pack must anybody decide about this.")
    sys.exit(0 if any(found.values()) else REFUSED)


def _question(asked: dict[str, Any]) -> Question:
    """The question as it was given, each part checked as in a table of cases."""
    act = _checked(CASE_COLUMNS, "act", "--act", asked["act"] or "")
    command = act in COMMANDS
    if asked["people"] and asked["place"]:
        raise click.BadParameter("Ask about a people's part or a place's, one at a time.")
    if command:
        whose = NOTHING
    elif asked["place"]:
        whose = part_of_place(asked["place"])
    else:
        whose = part_of_people(asked["people"] or ITS_OWN)
    _checked(CASE_COLUMNS, "whose", "--place" if asked["place"] else "--people", whose)
    return asked_question(
        _checked(CASE_COLUMNS, "role", "--role", asked["role"] or ("" if command else GRANTEE)),
        act,
        instant(_checked(CASE_COLUMNS, "at", "--at", asked["at"] or written(datetime.now(UTC)))),
        whose,
        _checked(CASE_COLUMNS, "slice", "--slice", asked["records"]),
        _checked(CASE_COLUMNS, "collection", "--collection", asked["collection"]),
        _checked(CASE_COLUMNS, "item", "--item", asked["item"]),
        # Every use is of some class of data; a question without one would miss lines.
        _checked(CASE_COLUMNS, "class", "--class", asked["klass"] or ("-" if command else "")),
        _checked(CASE_COLUMNS, "purpose", "--purpose", asked["purpose"]),
        _checked(CASE_COLUMNS, "level", "--level", asked["level"] or _level(command)),
    )


def _level(command: bool) -> str:
    return NOTHING if command else "aggregate"


def _checked(columns: Mapping[str, Check], column: str, option: str, value: str) -> str:
    if not value.isprintable():
        raise click.BadParameter("Take out what cannot be seen.", param_hint=option)
    if sentence := columns[column](value):
        raise click.BadParameter(sentence, param_hint=option)
    return value


def _read(folder: Path, as_json: bool) -> Folder:
    """The folder, if all of it is right; otherwise what is wrong, and the command ends."""
    read = read_folder(folder)
    if not read.found.count:
        return read
    if as_json:
        _say_json(_faults_as_json(read.found))
    else:
        for fault in read.found.faults:
            click.echo(str(fault), err=True)
        if more := read.found.count - len(read.found.faults):
            click.echo(f"And {more} more.", err=True)
        click.echo("Nothing of the pack is used until every line is right.", err=True)
    sys.exit(REFUSED)


def _answer_in_words(answer: Answer) -> str:
    if answer.rule is None:
        return "No: no line allows it, and what no line allows is refused."
    if answer.allowed:
        return f"Yes, by {answer.rule.id}: {answer.rule.because}"
    return f"No, by {answer.rule.id}: {answer.rule.because}"


def _asked_in_words(question: Question) -> str:
    parts = {
        "class": question.klass, "level": question.level, "purpose": question.purpose,
        "collection": question.collection, "item": question.item, "part": question.whose,
    }  # fmt: skip
    told = "".join(f", {name} {value}" for name, value in parts.items() if value != NOTHING)
    return f"Asked: {question.role}, {question.act}{told}, at {written(question.at)}"


def _when(rule: Rule) -> str:
    since = "" if rule.since == EVERY else f" from {rule.since}"
    until = "" if rule.until == EVERY else f" until {rule.until}"
    return since + until


def _question_as_json(question: Question) -> dict[str, Any]:
    return {
        "role": question.role,
        "act": question.act,
        "collection": question.collection,
        "item": question.item,
        "class": question.klass,
        "purpose": question.purpose,
        "level": question.level,
        "slice": question.slice.to_json(),
        "whose": question.whose,
        "at": written(question.at),
    }


def _rule_as_json(rule: Rule, lines: dict[str, int]) -> dict[str, Any]:
    return {
        "id": rule.id,
        "line": lines[rule.id],
        "effect": rule.effect,
        "from": rule.since,
        "until": rule.until,
        "because": rule.because,
    }


def _faults_as_json(found: Found) -> dict[str, Any]:
    told = [
        {"file": f.file, "line": f.line, "column": f.column, "sentence": f.sentence}
        for f in found.faults
    ]
    return {"right": False, "count": found.count, "faults": told}


def _say_json(answer: dict[str, Any]) -> None:
    click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
