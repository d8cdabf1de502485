"""Was what a researcher accepted what every body that must decide had said yes to?"""

from __future__ import annotations

from datetime import datetime

from routes_told import UnroutableError, part, route
from standing import Standing
from telling import ANY, Json, instant


def judge_acceptance(request: Standing, entry: Json, terms: Json, at: datetime) -> None:
    """Say what is wrong with the acceptance in `entry`."""
    if entry["actor"] != request.applicant:
        request.say(6, "somebody else accepted")
    if request.narrowed or request.disputed():
        request.say(1, "it was accepted before the rest was justified, or in a dispute")
    said_yes = {body for body, (outcome, _) in request.decisions.items() if outcome == "approve"}
    if missing := request.bodies() - said_yes:
        request.say(1, f"it was accepted without {sorted(missing)}")
    _again(request, said_yes, at)
    _terms(request, terms, at)


def _again(request: Standing, said_yes: set[str], at: datetime) -> None:
    """By the rules, bodies and classifications of that moment."""
    try:
        wanted = route(request.told, request.items, request.slice, at, request.content["for_body"])
    except UnroutableError as why:
        request.say(13, f"it was accepted although {why}")
        return
    if missing := {body for body, _ in wanted} - said_yes - request.not_ours:
        request.say(4, f"by that day's rules {sorted(missing)} had to be asked")
    for item in request.items:
        facts = request.told.item(item) or {}
        for capacity, name in (("people", "peoples"), ("place", "places")):
            for one in part(request.slice[name], facts[name]) & set(facts[name]):
                heard = {
                    body
                    for (body, standing), each in wanted.items()
                    if standing == capacity and item in each["items"] and one in each[name]
                }
                if heard and not heard & said_yes:
                    request.say(6, f"of those who speak for {one} nobody said yes")


def _terms(request: Standing, terms: Json, at: datetime) -> None:
    decisions = {body: entry for body, (_, entry) in request.decisions.items()}
    same = {
        "applicant": request.applicant, "people": sorted(request.people), "request": request.name,
        "purpose": request.content["purpose"], "decisions": decisions,
        "lapses": request.lapses, "items": {i: request.pinned["items"][i] for i in request.items},
    }  # fmt: skip
    for name, wanted in same.items():
        if terms[name] != wanted:
            request.say(1, f"the grant's {name} are not what was decided")
    if {each["id"]: each for each in terms["conditions"]} != request.conditions:
        request.say(8, "the grant's conditions are not those that were set")
    levels = ["aggregate", "deidentified", "identifiable"]
    ends, level = [request.content["ends_at"]], [request.slice["level"]]
    gone = set()
    for each in request.conditions.values():
        ends += [each["at"]] if each["kind"] == "end_date" else []
        level += [each["choice"]] if each["kind"] == "level_at_most" else []
        gone |= {"use.train"} if each["kind"] == "no_ai_training" else set()
    if instant(terms["ends_at"]) != min(map(instant, ends)):
        request.say(8, "access ends on another day than was set")
    if terms["slice"] != {**request.slice, "level": min(level, key=levels.index)}:
        request.say(3, "the grant's slice is not what was decided")
    if set(terms["acts"]) != set(request.content["acts"]) - gone:
        request.say(8, "the grant allows other uses than were agreed")
    if any(each == ANY for each in [terms["slice"]["peoples"]]):
        request.say(3, "a grant reaches peoples of whom nobody knows yet")
    for each in request.lapses.values():
        if instant(each) <= at:
            request.say(1, "a decision had lapsed when it was accepted")
