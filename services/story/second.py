"""The second story: an iwi asks an agency for its own people's data.

Its body endorses as itself, only others' interests are checked, and the holder answers with a
lawful reason or a yes. While the holder is silent that is shown, and the named reviewer told.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from policies.request.commands import WORDS
from services.example import REGISTER
from services.story.stage import Json, Stage, must
from services.story.steps import Story

PURPOSE = "example-gardens-of-our-own"
RIVER = "example-river-people"
HELD_ON = "2026-01-15"
SPEAKERS = {
    "river": ("member-1", "member-2", "member-3"),
    "hill": ("kaumatua-1", "kaumatua-2"),
    "island-a": ("member-1", "member-2", "member-3", "member-4"),
    "island-b": ("member-1", "member-2", "member-3"),
    "ethics": ("member-1", "member-2"),
}


class OwnData:
    """What its steps hand on to each other."""

    def __init__(self, story: Story) -> None:
        """The first story may have been played before, or not."""
        self.stage: Stage = story.stage
        self.say = story.say
        self.request = ""
        self.agency = ""

    async def first(self) -> None:
        """An agency enters by its own statement; the bodies welcome it, and name a reviewer."""
        stage = self.stage
        secretary = await stage.person("agency-secretary")
        officer = await stage.person("agency-officer")
        answer = await stage.post(
            "agency-secretary", "/v1/bodies", name="Example data agency",
            mandate={"capacities": ["holder"], "items": [REGISTER]},
            document="Invented: this agency holds the register of gardens, and answers for it.",
            kawa={"rule": "majority"},
            members=[
                {"person": secretary, "roles": ["secretary"]},
                {"person": officer, "roles": ["member"]},
            ],
        )  # fmt: skip
        self.agency = answer["stream"]
        await stage.adopt("agency-secretary", self.agency, "example-holder", expect=403)
        await self._agreed("river", kind="welcome", subject=self.agency)

        async def welcome() -> bool:
            found = await stage.get(None, "/v1/bodies")
            return any(each["id"] == self.agency and each["welcome"] for each in found)

        await stage.until("the welcome", welcome)
        await stage.adopt("agency-secretary", self.agency, "example-holder")
        self.say("   It spoke for nobody until each of the five bodies had said that it knows it.")
        reviewer = await stage.person("reviewer")
        await self._agreed("hill", kind="reviewer", subject=reviewer, agency=True)
        self.say("   All six named a reviewer, who decides nothing.")

    async def second(self) -> None:
        """The iwi asks; its own body endorses, and nobody else's data is in it."""
        stage = self.stage
        member = await stage.person("river-member-4")
        end = (await self._today()) + timedelta(days=300)
        draft = await stage.post_plain(
            "river-member-4", "/v1/drafts", version=0, purpose=PURPOSE, area="environment",
            use_kind="secondary", for_body=stage.bodies["river"],
            people={member: "asks for her people"},
            items={REGISTER: "To know which gardens are ours to tend."},
            slice={"peoples": [RIVER], "level": "identifiable"}, ends_on=end.isoformat(),
            words={name: f"Invented, for the second story: {name}." for name in WORDS},
        )  # fmt: skip
        seen = await stage.get("river-member-4", f"/v1/drafts/{draft['id']}/preview")
        must(seen["ready"], f"the draft should be ready: {seen}")
        asked = {(each["name"], each["capacity"]) for each in seen["must_decide"]}
        must(
            asked == {("Example river rōpū", "people"), ("Example data agency", "holder")},
            f"only its own body and the holder should be asked, not {asked}",
        )
        answer = await stage.post("river-member-4", f"/v1/drafts/{draft['id']}/submit", version=1)
        self.request = answer["stream"]
        await self._at("river-member-4", "voices", expect=403, body="river", voice="approve")
        for who in SPEAKERS["river"]:
            await self._at(f"river-{who}", "voices", body="river", voice="approve")
        await self._at("river-secretary", "conclusions", body="river", outcome="approve")
        self.say("   No ethics committee and no other body: only the iwi's own, and the holder.")
        self.say("   The river rōpū endorsed as itself; only she who asks stood aside.")

    async def third(self) -> None:
        """The holder is silent; that is counted, shown, and told to the reviewer."""
        stage = self.stage
        await stage.advance(17)
        await stage.until("the reminder", lambda: self._happened("Reminded"))
        await stage.advance(28)
        await stage.until("the referral", lambda: self._happened("Escalated"))
        seen = await stage.get("river-member-4", f"/v1/requests/{self.request}")
        wait = next(each for each in seen["waiting"] if each["for"] == self.agency)
        must(wait["referred_to_reviewer"], "the holder's silence should be with the reviewer")
        must(wait["working_days"] >= 20, "the days should be counted")
        self.say(f"   The agency has been silent: {wait['reason']} Nothing was approved by it.")
        await stage.post(
            "reviewer", f"/v1/requests/{self.request}/review",
            finding="Invented: I find no reason in law why the agency should not answer.",
        )  # fmt: skip
        self.say("   The reviewer was told, and wrote down a finding; it decides nothing.")

    async def fourth(self) -> None:
        """The holder answers: a no needs its lawful reason; then it says yes, and it opens."""
        stage = self.stage
        await self._at("agency-officer", "voices", body=self.agency, voice="decline")
        await self._at(
            "agency-secretary", "conclusions", expect=409, body=self.agency, outcome="decline"
        )
        self.say("   A no without its lawful reason was not taken.")
        await self._at("agency-officer", "voices", body=self.agency, voice="approve")
        await self._at("agency-secretary", "conclusions", body=self.agency, outcome="approve")
        answer = await self._at("river-member-4", "acceptance", conditions=[])
        must("Accepted" in answer["events"], "it should be accepted")
        member = await stage.person("river-member-4")
        gateway = await stage.post("operator", "/v1/gateways", collections=["example_register"])

        async def issued() -> bool:
            found = await stage.get("river-member-4", "/v1/grants")
            return any(each["purpose"] == PURPOSE for each in found)

        # Each question is recorded with its answer: it is asked once, when there is a grant.
        await stage.until("the grant", issued)
        told = await stage.ask(member, REGISTER, PURPOSE, credential=gateway["credential"])
        must(told["decision"], "it should be open to her")
        slice_ = told["context"]["obligations"][0]["slice"]
        must(slice_["peoples"] == [RIVER], "only the river people's records should come")
        self.say("   The agency said yes; her people's own records are open to her, no others.")

    async def _agreed(
        self, proposer: str, kind: str, subject: str, *, agency: bool = False
    ) -> None:
        """A body proposes, and every body's secretary records a yes."""
        stage = self.stage
        made = await stage.post(
            f"{proposer}-secretary", "/v1/proposals", body=stage.bodies[proposer],
            why="Invented, for the second story.", kind=kind, subject=subject,
        )  # fmt: skip
        said = {
            key: {await stage.person(f"{key}-{who}"): "approve" for who in people}
            for key, people in SPEAKERS.items()
        }
        bodies = dict(stage.bodies)
        if agency:
            said["agency"] = {await stage.person("agency-officer"): "approve"}
            bodies["agency"] = self.agency
        for key, voices in said.items():
            await stage.post(
                f"{key}-secretary", f"/v1/proposals/{made['command']}/words", body=bodies[key],
                outcome="approve", voices=voices, held_on=HELD_ON, minutes="Invented minutes.",
            )  # fmt: skip

    async def _at(self, key: str, what: str, expect: int = 201, **content: object) -> Json:
        stage = self.stage
        body = content.get("body")
        if isinstance(body, str):
            content["body"] = stage.bodies.get(body, body)
        seen = await stage.get(key, f"/v1/requests/{self.request}")
        return await stage.post(
            key, f"/v1/requests/{self.request}/{what}", expect, seen=seen["sequence"], **content
        )

    async def _happened(self, event: str) -> bool:
        seen = await self.stage.get("river-member-4", f"/v1/requests/{self.request}")
        return any(each["event"] == event for each in seen["history"])

    async def _today(self) -> date:
        """Today by the service clock, which the first story may have moved."""
        answer = await self.stage.http.post("/v1/example/tokens", json={"person": "researcher"})
        told: Json = answer.json()
        return datetime.fromisoformat(told["expires_at"]).date()
