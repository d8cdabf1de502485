"""What items are: confirmed only by bodies concerned, and the strictest of what they say."""

from __future__ import annotations

import pytest
from builders import PEOPLES, PLACES, START, sitting
from hypothesis import event, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_in_memory import Stream

from policies.catalogue import commands as c
from policies.catalogue import events as e
from policies.catalogue.classification import Classification, strictest
from policies.refusals import Code, Refused
from policies.slices import ANY
from policies.types import CLASSES, SENSITIVE, STORIES, Envelope, TextId

RIVER, HILL, ISLAND = PEOPLES
ANN, BEN = "person-ann", "person-ben"
NOBODYS = frozenset()


def stream() -> Stream:
    """A catalogue that knows the invented peoples and places, and one collection."""
    told = Stream("catalogue", "c")
    names = (
        {each: TextId("text-1") for each in PEOPLES},
        {each: TextId("text-1") for each in PLACES},
    )
    send(told, c.Name(*names))
    send(told, c.Import("batch-1", "hash-1", 2, ("survey",)))
    return told


def send(told: Stream, command: object, actor: str = ANN) -> object:
    name = f"command-{told.sequence + 1}"
    return told.send(Envelope(name, "catalogue-main", told.sequence, actor, START, command))


def confirm(said: Classification, peoples=frozenset({RIVER}), places=NOBODYS, actor=ANN) -> object:
    body = sitting("body-river", ANN)
    return send(
        stream(), c.Confirm(body, frozenset({"survey.sleep"}), said, peoples, places), actor
    )


def said(peoples=frozenset({RIVER}), places=NOBODYS, classes=frozenset({"health"})) -> object:
    return Classification(classes, peoples, places)


@pytest.mark.parametrize(
    ("classification", "code"),
    [
        (said(), None),
        (said(ANY), None),
        (said(frozenset({RIVER, HILL})), None),
        (said(frozenset({HILL})), Code.NOT_WITHIN),
        (said(NOBODYS, frozenset({PLACES[0]})), Code.NOT_WITHIN),
        (said(NOBODYS), Code.INVALID),
        (said(frozenset({RIVER, "unknown-people"})), Code.INVALID),
        (said(places=frozenset({"unknown-place"})), Code.INVALID),
        (said(classes=NOBODYS), Code.INVALID),
        (said(classes=frozenset({"health", "secret"})), Code.INVALID),
    ],
)
def test_a_body_confirms_what_concerns_its_own_people(classification, code) -> None:
    found = confirm(classification)
    assert (found.code if isinstance(found, Refused) else None) is code


def test_a_body_confirms_what_concerns_its_own_place() -> None:
    place = frozenset({PLACES[0]})
    assert not isinstance(confirm(said(NOBODYS, place), NOBODYS, place), Refused)
    assert confirm(said(ANY, ANY), NOBODYS, NOBODYS).code is Code.NOT_WITHIN


def test_only_those_of_the_body_confirm_in_its_name() -> None:
    assert confirm(said(), actor=BEN).code is Code.NOT_A_MEMBER


def test_a_file_is_imported_once() -> None:
    told = stream()
    assert send(told, c.Import("batch-2", "hash-1", 2, ("survey",))).code is Code.ALREADY_DONE
    assert not isinstance(send(told, c.Import("batch-2", "hash-2", 2, ("survey",))), Refused)


parts = st.just(ANY) | st.frozensets(st.sampled_from(PEOPLES))
classifications = st.builds(
    Classification,
    st.frozensets(st.sampled_from(["health", "child", "voice"]), min_size=1),
    parts,
    parts,
    st.booleans(),
)


@given(st.lists(classifications, max_size=4), st.randoms())
def test_of_several_words_the_strictest_holds_in_any_order(confirmed, rng) -> None:
    found = strictest(confirmed)
    rng.shuffle(confirmed)
    assert strictest(confirmed) == found
    if found is None:
        assert not confirmed
        return
    for each in confirmed:
        assert each.classes <= found.classes
        assert each.whole <= found.whole
        for one, all_of_them in ((each.peoples, found.peoples), (each.places, found.places)):
            assert all_of_them == ANY or (one != ANY and one <= all_of_them)
        assert each.joined(each) == each
    assert found.classes == frozenset().union(*(each.classes for each in confirmed))


# One by one.


@pytest.mark.parametrize("klass", sorted(CLASSES))
@pytest.mark.parametrize("when", ["now", "before"])
def test_what_is_sensitive_is_looked_at_one_by_one_also_to_make_it_less_so(klass, when) -> None:
    """Confirmed as sensitive, or taken out of it: never several with one word."""
    new = said(classes=frozenset({klass, "health"})) if when == "now" else said()
    before = frozenset({klass}) if when == "before" else NOBODYS
    for items in ({"survey.sleep"}, {"survey.sleep", "survey.diet"}):
        command = c.Confirm(
            sitting("body-river", ANN), frozenset(items), new, frozenset({RIVER}), NOBODYS, before
        )
        found = send(stream(), command)
        refused = klass in SENSITIVE and len(items) > 1
        assert (found.code if isinstance(found, Refused) else None) is (
            Code.ONE_AT_A_TIME if refused else None
        )


def test_stories_are_among_what_is_sensitive() -> None:
    assert STORIES <= SENSITIVE <= CLASSES


# The tellers' wishes.


@pytest.mark.parametrize(
    ("classes", "actor", "refused"),
    [
        ({"korero"}, ANN, None),
        ({"tapu", "health"}, ANN, None),
        ({"health"}, ANN, Code.INVALID),
        (set(), ANN, Code.INVALID),
        ({"korero"}, BEN, Code.NOT_A_MEMBER),
    ],
)
def test_wishes_are_written_of_stories_by_the_body(classes, actor, refused) -> None:
    text = TextId("text-1")
    wishes = c.WriteWishes(
        sitting("body-river", ANN), "stories.one", frozenset(classes), text, text
    )
    found = send(stream(), wishes, actor)
    assert (found.code if isinstance(found, Refused) else None) is refused


# Looking for those who care for something.


def search(told: Stream, body: str = "body-river", **what: frozenset[str]) -> object:
    plain = {"items": NOBODYS, "peoples": NOBODYS, "places": NOBODYS}
    return send(told, c.Search(body, **{**plain, **what}, searcher="body-island",
                               words=TextId("text-1")))  # fmt: skip


@pytest.mark.parametrize("ends", ["body-river", "body-island"])
def test_a_search_is_for_somebody_and_ends_with_what_came_of_it(ends: str) -> None:
    told = stream()
    assert search(told).code is Code.INVALID
    found = search(told, items=frozenset({"survey.sleep"}))
    opened = found["events"][0]["data"]["search"]
    # Whoever looks says what came of it, or had it looked for: no other body, and not twice.
    words = TextId("text-2")
    assert send(told, c.EndSearch("body-hill", opened, words)).code is Code.NOT_FOUND
    assert not isinstance(send(told, c.EndSearch(ends, opened, words)), Refused)
    assert send(told, c.EndSearch(ends, opened, words)).code is Code.NOT_FOUND


# Whose it is.

BODIES = ("body-river", "body-hill", "body-island")
PENS = {body: f"person-of-{body}" for body in BODIES}


def of(body: str):
    return sitting(body, "person-member", secretaries=(PENS[body],))


def claim(body: str = BODIES[0], **but: object) -> c.Claim:
    plain = {
        "items": frozenset({"survey.sleep"}), "peoples": NOBODYS, "places": NOBODYS,
        "concerned": frozenset({BODIES[1]}), "statement": TextId("text-1"), "against": None,
    }  # fmt: skip
    return c.Claim(of(body), **{**plain, **but})


@pytest.mark.parametrize(
    ("command", "actor", "refused"),
    [
        (claim(), PENS[BODIES[0]], None),
        (claim(), "person-member", Code.NOT_PERMITTED),
        (claim(), PENS[BODIES[1]], Code.NOT_PERMITTED),
        (claim(items=NOBODYS), PENS[BODIES[0]], Code.INVALID),
        (claim(items=NOBODYS, peoples=frozenset({HILL})), PENS[BODIES[0]], None),
        (claim(items=NOBODYS, places=frozenset(PLACES)), PENS[BODIES[0]], None),
        (claim(peoples=frozenset({"unknown-people"})), PENS[BODIES[0]], Code.INVALID),
        (claim(places=frozenset({"unknown-place"})), PENS[BODIES[0]], Code.INVALID),
        (claim(concerned=NOBODYS), PENS[BODIES[0]], Code.INVALID),
        (claim(concerned=frozenset(BODIES)), PENS[BODIES[0]], Code.INVALID),
        (claim(against=BODIES[1]), PENS[BODIES[0]], None),
        (claim(against=BODIES[0]), PENS[BODIES[0]], Code.INVALID),
        (claim(against=BODIES[2]), PENS[BODIES[0]], Code.INVALID),
    ],
    ids=["by the secretary", "by a member", "by another body", "of nothing", "of a people",
         "of places", "of a people nobody knows", "of a place nobody knows",
         "where nobody else speaks", "with oneself", "against a mandate", "against one's own",
         "against a mandate behind its body's back"],
)  # fmt: skip
def test_a_body_may_say_ours_too_where_others_speak(command, actor, refused) -> None:
    found = send(stream(), command, actor)
    assert (found.code if isinstance(found, Refused) else None) is refused


def test_the_same_is_not_claimed_twice_while_it_is_open() -> None:
    told = stream()
    send(told, claim(), PENS[BODIES[0]])
    assert send(told, claim(), PENS[BODIES[0]]).code is Code.ALREADY_DONE
    other = claim(items=frozenset({"survey.diet"}))
    assert not isinstance(send(told, other, PENS[BODIES[0]]), Refused)
    third = claim(BODIES[2])
    assert not isinstance(send(told, third, PENS[BODIES[2]]), Refused)
    first = next(iter(told.state.claims))
    send(told, c.WithdrawClaim(of(BODIES[0]), first), PENS[BODIES[0]])
    assert not isinstance(send(told, claim(), PENS[BODIES[0]]), Refused)


def test_all_that_are_concerned_agree_each_once() -> None:
    told = stream()
    send(told, claim(concerned=frozenset(BODIES[1:])), PENS[BODIES[0]])
    name = next(iter(told.state.claims))
    for body, code in (
        (BODIES[0], Code.NOT_FOUND), (BODIES[1], None), (BODIES[1], Code.ALREADY_DONE),
        (BODIES[2], None), (BODIES[2], Code.NOT_FOUND),
    ):  # fmt: skip
        found = send(told, c.SettleClaim(of(body), name), PENS[body])
        assert (found.code if isinstance(found, Refused) else None) is code
    settled = told.of(e.ClaimSettled)
    assert [each.agreed for _, _, each in settled] == [True]
    assert told.state.claims == {}


subjects = st.frozensets(st.sampled_from(["survey.sleep", "survey.diet"]), max_size=2)
WHO = st.sampled_from(BODIES)


class Claims(RuleBasedStateMachine):
    """Bodies claim, agree and take back in any order; nobody else settles anything."""

    @initialize()
    def a_catalogue(self) -> None:
        self.told = stream()
        self.open: dict[str, tuple[str, frozenset[str], set[str]]] = {}

    def send(self, command: object, actor: str) -> object:
        found = send(self.told, command, actor)
        if not isinstance(found, Refused):
            for sequence, _, each in self.told.events:
                if sequence == self.told.sequence:
                    getattr(self, f"_{type(each).__name__}")(each, command, actor)
        return found

    def _Claimed(self, each, command, actor) -> None:  # noqa: N802
        assert actor == PENS[each.body]
        assert each.body not in each.concerned
        assert each.concerned, "nobody to settle it with"
        self.open[each.claim] = (each.body, each.concerned, set())

    def _ClaimAgreed(self, each, command, actor) -> None:  # noqa: N802
        _, concerned, agreed = self.open[each.claim]
        assert each.body == command.sitting.body
        assert each.body in concerned - agreed, "somebody settled what does not concern them"
        assert actor == PENS[each.body]
        agreed.add(each.body)

    def _ClaimSettled(self, each, command, actor) -> None:  # noqa: N802
        body, concerned, agreed = self.open.pop(each.claim)
        if each.agreed:
            assert agreed == concerned, "settled while somebody concerned is silent"
        else:
            assert isinstance(command, c.WithdrawClaim)
            assert (command.sitting.body, actor) == (body, PENS[body])

    @rule(body=WHO, items=subjects, concerned=st.frozensets(WHO), actor=st.none() | WHO,
          against=st.none() | WHO)  # fmt: skip
    def somebody_claims(self, body, items, concerned, actor, against) -> None:
        command = claim(body, items=items, concerned=concerned, against=against)
        self.send(command, PENS[actor or body])

    @precondition(lambda self: self.told.events)
    @rule(n=st.integers(0, 9), body=WHO, actor=st.none() | WHO, back=st.booleans())
    def somebody_settles_or_takes_back(self, n, body, actor, back) -> None:
        claimed = [each.claim for _, _, each in self.told.of(e.Claimed)] or ["command-0"]
        kind = c.WithdrawClaim if back else c.SettleClaim
        self.send(kind(of(body), claimed[n % len(claimed)]), PENS[actor or body])

    @precondition(lambda self: self.open)
    @rule(n=st.integers(0, 9), but=st.integers(0, 3))
    def those_concerned_agree(self, n, but) -> None:
        names = sorted(self.open)
        name = names[n % len(names)]
        for body in sorted(self.open[name][1])[:but]:
            self.send(c.SettleClaim(of(body), name), PENS[body])

    @invariant()
    def what_is_open_is_what_nobody_settled(self) -> None:
        if hasattr(self, "told"):
            held = {name: (each.body, each.concerned, set(each.agreed))
                    for name, each in self.told.state.claims.items()}  # fmt: skip
            assert held == self.open

    def teardown(self) -> None:
        if hasattr(self, "told"):
            self.told.check_whole()
            for kind in sorted({type(each).__name__ for _, _, each in self.told.events}):
                event(kind)


TestClaims = Claims.TestCase
TestClaims.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
