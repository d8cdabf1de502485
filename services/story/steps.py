"""The nine steps, as the people involved would take them, each through the HTTP API.

Everybody in them is invented.
"""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from typing import Any

from policies.request.commands import WORDS
from services.story.stage import Json, Stage, must

GENOME = "example_genome.assembly.sequence"
VISITS = "example_survey.people.clinic_visits"
LANGUAGE = "example_survey.people.language_at_home"
BIRTHS = "example_survey.people.birth_year"
PURPOSE = "example-wellbeing-study"
ISLAND_B = "example-island-b-people"
VOICES = {"river": 3, "island-a": 4, "island-b": 3, "ethics": 2}


class Story:
    """What the steps hand on to each other."""

    def __init__(self, stage: Stage) -> None:
        """`stage` is open."""
        self.stage = stage
        self.say = stage.say
        self.draft = ""
        self.request = ""
        self.grant = ""
        self.today: date = datetime.now(UTC).date()

    async def first(self) -> None:
        """A researcher drafts; before submitting, the rules tell her what would happen."""
        stage = self.stage
        researcher = await stage.person("researcher")
        assistant = await stage.person("research-assistant")
        content: Json = {
            "purpose": PURPOSE,
            "people": {researcher: "leads the study", assistant: "prepares the tables"},
            "items": {
                GENOME: "To see which plants the clinics' gardens descend from.",
                VISITS: "To see whether people reach a clinic when they need one.",
                LANGUAGE: "To write back in the languages that people speak.",
            },
            "slice": {"level": "identifiable"},
            "ends_on": (self.today + timedelta(days=330)).isoformat(),
            "acts": ["use.read"],
            "area": "health",
            "use_kind": "secondary",
            "words": {name: f"Invented, for the story: {name}." for name in WORDS},
        }
        saved = await stage.post_plain("researcher", "/v1/drafts", version=0, **content)
        self.draft = saved["id"]
        seen = await stage.get("researcher", f"/v1/drafts/{self.draft}/preview")
        no = next(each for each in seen["refused"] if each["item"] == VISITS)
        must(no["rule"].startswith("NO-NAMES-HEALTH"), "names in health data should be refused")
        self.say(f"   Refused already, by rule {no['rule'].split('@')[0]}: {no['because']}")
        content["slice"]["level"] = "deidentified"
        headers = await stage.signed("researcher")
        answer = await stage.http.put(
            f"/v1/drafts/{self.draft}", json={**content, "version": 1}, headers=headers
        )
        answer.raise_for_status()
        seen = await stage.get("researcher", f"/v1/drafts/{self.draft}/preview")
        must(seen["ready"], "the draft should be ready")
        must(len(seen["must_decide"]) == 6, "five bodies, one of them in two capacities")
        for each in seen["must_decide"]:
            self.say(f"   Must decide: {each['name']} ({each['capacity']}). {each['because'][0]}")
        await self._real_variables()

    async def _real_variables(self) -> None:
        found = await self.stage.get("researcher", "/v1/items", words="ethnic grp", limit=100)
        confirmed = [each["id"] for each in found if each["said"]][:10]
        other = next(each["id"] for each in found if not each["said"])
        draft = await self.stage.post_plain(
            "researcher", "/v1/drafts", version=0, items=dict.fromkeys([*confirmed, other], "why")
        )
        seen = await self.stage.get("researcher", f"/v1/drafts/{draft['id']}/preview")
        bodies = {each["body"] for each in seen["must_decide"]}
        must(len(bodies) == 5, "real variables should be routed to all five bodies")
        refused = next(each for each in seen["refused"] if each["item"] == other)
        must(refused["code"] == "unconfirmed", "what nobody confirmed should be refused")
        self.say(
            f"   A preview over {len(confirmed)} real variable names asks {len(bodies)} bodies;"
        )
        self.say(f"   of one that nobody confirmed it says: {refused['sentence']}")

    async def second(self) -> None:
        """She submits; every body that must decide is asked."""
        answer = await self.stage.post("researcher", f"/v1/drafts/{self.draft}/submit", version=2)
        self.request = answer["stream"]
        for key in VOICES | {"hill": 2}:
            listed = await self.stage.get(f"{key}-secretary", "/v1/requests")
            must(self.stage.bodies[key] in listed[0]["waiting_for_us"], f"{key} should be asked")
        self.say("   Two iwi rōpū, two Pacific panels and the ethics committee are asked.")

    async def third(self) -> None:
        """Bodies work; one declines; its people's records leave; all decide afresh."""
        stage, say = self.stage, self.say
        asked = await self._at("ethics-member-1", "questions", "ethics",
                               question="Who keeps the tables, and where?")  # fmt: skip
        await stage.post(
            "research-assistant", f"/v1/requests/{self.request}/answers",
            question=asked["command"], answer="They stay in the safe room in Aotearoa.",
        )  # fmt: skip
        say("   The ethics committee asked a question; it was answered.")
        await self._at("river-member-4", "stand-aside", "river")
        await self._at("river-member-4", "voices", "river", expect=403, voice="approve")
        say("   A member of the river rōpū stood aside, and is not counted.")
        await self._at("river-member-1", "conditions", "river", kind="no_ai_training")
        await self._at("river-member-1", "conditions", "river", kind="own_words",
                       words="Come and tell us at the river what you found.")  # fmt: skip
        due = datetime.now(UTC) + timedelta(days=120)
        await self._at("island-a-member-1", "conditions", "island-a", kind="report_back",
                       at=due.isoformat())  # fmt: skip
        await self._hill_hui("2 kaumātua agreed at the marae.")
        await self._voices("ethics", "approve")
        await self._voices("island-b", "decline")
        seen = await stage.get("researcher", f"/v1/requests/{self.request}")
        must(ISLAND_B not in seen["slice"]["peoples"], "its people's records should leave")
        say("   The island B panel declined, without reasons. Its people's records left.")
        await stage.post(
            "researcher", f"/v1/requests/{self.request}/justifications", seen=seen["sequence"],
            justification="The study still answers its question for the others.",
        )  # fmt: skip
        shown = await stage.get("hill-kaumatua-1", f"/v1/requests/{self.request}")
        must(shown["round"] == 2, "a new round should have begun")
        gone = set(shown["asked_first"]["peoples"]) - set(shown["slice"]["peoples"])
        say(f"   Everybody decides afresh, shown the difference: without {', '.join(gone)}.")
        for body in ("ethics", "river", "island-a"):
            await self._voices(body, "approve")
        await self._hill_hui("The kaumātua were told of the difference, and agreed again.")

    async def fourth(self) -> None:
        """She sees all conditions together and accepts; the grant is issued."""
        stage = self.stage
        seen = await stage.get("researcher", f"/v1/requests/{self.request}")
        for each in seen["conditions"]:
            self.say(f"   {each['set_by']}: {each['sentence']} (kept by: {each['kept_by']})")
        await stage.post(
            "researcher", f"/v1/requests/{self.request}/acceptance", expect=409,
            seen=seen["sequence"], conditions=[seen["conditions"][0]["id"]],
        )  # fmt: skip
        await stage.post(
            "researcher", f"/v1/requests/{self.request}/acceptance", seen=seen["sequence"],
            conditions=[each["id"] for each in seen["conditions"]],
        )  # fmt: skip

        async def issued() -> Any:
            found = await stage.get("researcher", "/v1/grants")
            return next((each for each in found if each["purpose"] == PURPOSE), None)

        grant = await stage.until("the grant", issued)
        self.grant = grant["id"]
        must(len(grant["decided_by"]) == 4, "four bodies' decisions should carry the grant")
        must(ISLAND_B not in grant["slice"]["peoples"], "the declined people are in no grant")
        self.say(f"   A grant was issued until {grant['ends_at'][:10]}, by four bodies' decisions.")

    async def fifth(self) -> None:
        """The gateway asks at the moment of use, and applies the slice."""
        stage = self.stage
        researcher = await stage.person("researcher")
        yes = await stage.ask(researcher, VISITS, PURPOSE)
        must(yes["decision"], "the grant should allow this")
        status, lines, whole = await stage.download("researcher", VISITS, PURPOSE)
        must(status == 200 and whole, "the download should come whole")
        rows = list(csv.DictReader(lines))
        seen = {people for row in rows for people in row["peoples"].split(";")}
        must(rows and ISLAND_B not in seen, "no record of the declined people may come through")
        must(any(";" in row["peoples"] for row in rows), "people of several affiliations are there")
        self.say(f"   Yes, with the slice: {len(rows)} records came, none of island B's people.")
        outsider = await stage.person("outsider")
        for told, answer in (
            ("another purpose", await stage.ask(researcher, VISITS, "something-else")),
            ("another person", await stage.ask(outsider, VISITS, PURPOSE)),
            ("another item", await stage.ask(researcher, BIRTHS, PURPOSE)),
            ("a gateway that cannot apply the slice",
             await stage.ask(researcher, VISITS, PURPOSE, obligations_supported=[])),
        ):  # fmt: skip
            must(not answer["decision"], f"{told} should be refused")
            self.say(f"   No to {told}: {answer['context']['reason_user']['403']}")

    async def sixth(self) -> None:
        """A restriction stops what is under way, outlasts its date, and is lifted by its body."""
        stage = self.stage
        placed: Json = {}

        async def place() -> None:
            placed.update(
                await stage.post(
                    "river-secretary", "/v1/restrictions", body=stage.bodies["river"],
                    scope={"slice": {"peoples": ["example-river-people"], "level": "aggregate"}},
                    words="Somebody was lost in our river. Leave our people's records be.",
                    authority="Spoken at the river by those who may, and written down there.",
                    held_on=self.today.isoformat(), method="paper",
                    review_on=(self.today + timedelta(days=10)).isoformat(),
                )
            )  # fmt: skip

        status, lines, whole = await stage.download("researcher", VISITS, PURPOSE, place)
        must(status == 200 and not whole, "the download under way should have stopped")
        self.say(f"   Placed from paper; the download under way stopped after {len(lines)} lines.")
        researcher = await stage.person("researcher")
        no = await stage.ask(researcher, VISITS, PURPOSE)
        must(no["context"]["code"] == "restricted", "the answer should name the restriction")
        self.say(f"   The same question: no. {no['context']['reason_user']['403']}")
        name = placed["stream"]
        await stage.advance(11)

        async def awaiting() -> Any:
            found = await stage.get(None, f"/v1/restrictions/{name}")
            return found["status"] == "awaiting_lifting" and found

        found = await stage.until("awaiting lifting", awaiting)
        no = await stage.ask(researcher, VISITS, PURPOSE)
        must(not no["decision"], "a date reached must not reopen anything")
        self.say("   Its review date passed: awaiting lifting. The answer is still no.")
        await stage.post(
            "river-secretary", f"/v1/restrictions/{name}/hui", seen=found["sequence"],
            held_on=self.today.isoformat(), method="hui", outcome="approve",
            voices={await stage.person(f"river-member-{n}"): "approve" for n in (1, 2, 3)},
            minutes="The river is open again.",
        )  # fmt: skip
        yes = await stage.ask(researcher, VISITS, PURPOSE)
        must(yes["decision"], "access should return once it is lifted")
        self.say("   The rōpū lifted it by its own rule; access returned.")

    async def _at(self, key: str, what: str, body: str, expect: int = 201, **content: Any) -> Json:
        """Somebody does something for their body about the request as they see it now."""
        address = f"/v1/requests/{self.request}"
        seen = (await self.stage.get(key, address))["sequence"]
        return await self.stage.post(
            key, f"{address}/{what}", expect, seen=seen, body=self.stage.bodies[body], **content
        )

    async def _voices(self, body: str, outcome: str) -> None:
        for number in range(1, VOICES[body] + 1):
            await self._at(f"{body}-member-{number}", "voices", body, voice=outcome)
        await self._at(f"{body}-member-1", "conclusions", body, outcome=outcome)

    async def _hill_hui(self, minutes: str) -> None:
        people = [await self.stage.person(f"hill-kaumatua-{n}") for n in (1, 2)]
        await self._at(
            "hill-secretary", "hui", "hill", held_on=self.today.isoformat(), method="paper",
            voices=dict.fromkeys(people, "approve"), outcome="approve", minutes=minutes,
        )  # fmt: skip
        self.say("   The hill rōpū's secretary wrote up a decision from paper.")
