"""Other engines with the same lines, asked the same questions.

Stock Casbin goes through all lines. Cedar (cedarpy) has a set of policies for each part that is
asked about: what its bodies' lines say, and of what reaches everybody what can concern it. Rego
(regorus) has all lines in its data, under the keys by which the floor finds them. None of them is
asked about what nobody knows: the enforcer refuses that before it asks its engine.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from rules_floor import Floor
from rules_mix import Mix

from policies.codec import written
from policies.enforcer import NOTHING, Question
from policies.rules import ACTS, ANY_USE, EVERY, ROLES, Rule
from policies.slices import overlap
from policies.types import CLASSES, USE_ACTS, Level

sys.path.append(str(Path(__file__).resolve().parents[1] / "policies" / "kit"))

import in_cedar  # found by the line above
from stock_casbin import Stock

Told = tuple[bool, set[str] | None]
"""Yes or no, and the ids of what the peer says about why, where it says it."""
Ask = Callable[[Question], Told]

MODEL = resources.files("policies").joinpath("model.conf").read_text(encoding="utf-8")
REGO = """
package accord

fits(line) if {
    line.role in input.roles
    line.act in input.acts
    line.collection in ["*", input.collection]
    line.item in ["*", input.item]
    line.klass in ["*", input.klass]
    line.purpose in ["*", input.purpose]
    line.level in ["*", input.level]
    line.since <= input.at
    input.at < line.until
    meets(line.peoples, input.peoples)
    meets(line.places, input.places)
    meets(line.years, input.years)
}

meets(one, _) if one == "any"
meets(_, other) if other == "any"
meets(one, other) if {
    is_array(one)
    some each in one
    each in other
}

matched contains [line.id, line.effect] if {
    some key in input.keys
    some line in data.lines[key]
    fits(line)
}

denied if {
    some line in matched
    line[1] == "deny"
}

allowed if {
    some line in matched
    line[1] == "allow"
    not denied
}

answer := {"allowed": true, "matched": matched} if allowed
answer := {"allowed": false, "matched": matched} if not allowed
"""


def known(asked: Question) -> bool:
    """Is it about what Accord knows, so that an engine is asked at all?"""
    return (
        asked.role in ROLES
        and asked.act in ACTS
        and asked.klass in CLASSES | {NOTHING}
        and asked.level in {*Level, NOTHING}
    )


def stock(found: Mix) -> Ask:
    """Stock Casbin, `enforce_ex` and no more."""
    links = {
        "g": {(each.role, each.includes) for each in found.pack.roles},
        "g2": set(found.speaking),
        "g3": {(act, ANY_USE) for act in USE_ACTS},
    }
    held = Stock(MODEL, [rule.row for rule in found.rules], links, {"overlap": overlap})

    def ask(asked: Question) -> Told:
        values = (
            asked.role, asked.act, asked.whose, asked.collection, asked.item, asked.klass,
            asked.purpose, asked.level, asked.slice, written(asked.at),
        )  # fmt: skip
        return held.allows(values), None

    return ask


def cedar(found: Mix) -> Ask:
    """Cedar, a set a part; sets are made when they are first asked of."""
    by_reach: dict[str, list[Rule]] = defaultdict(list)
    by_people: dict[str, list[Rule]] = defaultdict(list)
    for rule in found.rules:
        peoples = "any" if rule.slice == EVERY else json.loads(rule.slice)["peoples"]
        if rule.reach != EVERY or peoples == "any":
            by_reach[rule.reach].append(rule)
        else:
            for people in peoples:
                by_people[people].append(rule)
    speaking: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for part, body in found.speaking:
        speaking[part].append((part, body))
    sets: dict[Any, tuple[Any, Any]] = {}

    def ask(asked: Question) -> Told:
        key = asked.whose, asked.slice.peoples
        if key not in sets:
            links = speaking.get(asked.whose, [])
            rules = [*by_reach[EVERY], *(r for _, body in links for r in by_reach[body])]
            # Of commands nothing restricts; of uses, a question names the peoples.
            peoples = () if asked.slice.peoples == "any" else asked.slice.peoples
            rules += {r.id: r for people in peoples for r in by_people[people]}.values()
            sets[key] = in_cedar.policies(rules), in_cedar.entities(found.pack.roles, links)
        return in_cedar.answer(asked, *sets[key])

    return ask


def rego(found: Mix) -> Ask | None:
    """Rego, indexed; None where its package is not installed."""
    if importlib.util.find_spec("regorus") is None:
        return None
    import regorus

    lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for rule in found.rules:
        told = {"peoples": "any", "places": "any", "years": "any"}
        told |= {} if rule.slice == EVERY else json.loads(rule.slice)
        line = {
            **{name: getattr(rule, name) for name in (
                "id", "role", "act", "collection", "item", "klass", "purpose", "effect")},
            **told, "level": rule.level,
            "since": "" if rule.since == EVERY else rule.since,
            "until": "9999" if rule.until == EVERY else rule.until,
        }  # fmt: skip
        for key in Floor.keys(rule):
            lines["|".join(key)].append(line)
    engine = regorus.Engine()
    engine.add_policy("accord.rego", REGO)
    engine.add_data_json(json.dumps({"lines": lines}))
    floor = Floor((), found.pack.roles, found.speaking)

    def ask(asked: Question) -> Told:
        part = asked.slice
        engine.set_input_json(
            json.dumps(
                {
                    **{name: getattr(asked, name) for name in (
                        "collection", "item", "klass", "purpose", "level")},
                    "roles": [*floor.roles[asked.role], EVERY],
                    "acts": [asked.act, *([ANY_USE] if asked.act in USE_ACTS else []), EVERY],
                    "at": written(asked.at),
                    "peoples": "any" if part.peoples == "any" else sorted(part.peoples),
                    "places": "any" if part.places == "any" else sorted(part.places),
                    "years": "any" if part.years == "any" else sorted(part.years),
                    "keys": ["|".join(key) for key in _keys(floor, asked)],
                }
            )
        )  # fmt: skip
        answer = json.loads(engine.eval_rule_as_json("data.accord.answer"))
        return answer["allowed"], {line[0] for line in answer["matched"]}

    return ask


def _keys(floor: Floor, asked: Question) -> list[tuple[str, ...]]:
    """Where the floor looks."""
    acts = (asked.act, ANY_USE, EVERY) if asked.act in USE_ACTS else (asked.act, EVERY)
    peoples = asked.slice.peoples
    return [
        *((body, act, klass) for body in floor.speaks.get(asked.whose, ())
          for act in acts for klass in (asked.klass, EVERY)),
        ("item", asked.item), ("collection", asked.collection), *(("act", act) for act in acts),
        *(("any people", act) for act in acts if peoples == "any"),
        *(("people", people) for people in peoples if peoples != "any"),
    ]  # fmt: skip


def agrees(told: Told, allowed: bool, matched: Sequence[Rule], every: bool) -> bool:
    """Is a peer's answer the floor's? `every`: it tells all lines that matched, and not only those
    that decided."""
    if told[0] != allowed:
        return False
    if told[1] is None:
        return True
    denies = [rule for rule in matched if rule.effect == "deny"]
    return told[1] == {rule.id for rule in (matched if every or not denies else denies)}
