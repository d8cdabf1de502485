"""States in which something can be done, each made when first needed."""

from __future__ import annotations

from itertools import count
from typing import Any

import httpx
import stack as steps
import web_steps as also
from stack import GENOME, SURVEY, Json, Stack, command, ok

_NUMBERS = count(1)
"""Of every scene in this process: several may be of one Accord."""

REPORT = ("findings", "benefits", "harms", "next_steps")


class Scene:
    """What is spent is made anew. Requests are for the plant's genome, about which the river
    body decides with the ethics committee, or for a small part of the survey."""

    def __init__(self, stack: Stack, later: also.Later) -> None:
        self.stack = stack
        self.later = later
        self.river = stack.bodies["river"]
        self._made: dict[str, Any] = {}
        self._at_desk: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._made:
            self._made[name] = getattr(self, f"_make_{name}")()
        return self._made[name]

    def spend(self, name: str) -> None:
        """Whatever was made as `name` is no longer what it was."""
        self._made.pop(name, None)

    def number(self) -> int:
        """Another number at each call."""
        return next(_NUMBERS)

    def seen(self, request: str) -> int:
        """The request's sequence."""
        return int(steps.read_request(self.stack, request)["sequence"])

    def hui(self, outcome: str = "approve", **more: Any) -> Json:
        """A hui of the river body, all of one mind."""
        voices = dict.fromkeys(steps.speakers(self.stack, "river"), outcome)
        return command(
            held_on="2026-01-15", voices=voices, outcome=outcome, minutes="Invented.", **more
        )

    def for_river(self, request: str, **fields: Any) -> Json:
        """A command about the request in the name of the river body."""
        return command(body=self.river, seen=self.seen(request), **fields)

    # ---- asking ----

    def _make_draft(self) -> str:
        content = steps.draft_content(self.stack, items=[GENOME])
        return str(ok(self.stack.client("researcher").post("/v1/drafts", json=content))["id"])

    def _make_revised(self) -> str:
        path = f"/v1/drafts/{self.draft}/revision"
        return str(ok(self.stack.client("researcher").post(path))["id"])

    def _make_deciding(self) -> str:
        return steps.submit_request(self.stack, items=[GENOME])

    def _make_questioned(self) -> tuple[str, str]:
        request = steps.submit_request(self.stack, items=[GENOME])
        asked = self.for_river(request, question="Why?")
        self._as_secretary(f"/v1/requests/{request}/questions", asked)
        return request, asked["command_id"]

    def _make_declined(self) -> str:
        request = steps.submit_request(self.stack, items=[SURVEY])
        steps.hui(self.stack, request, "river", "decline")
        return request

    def _make_agreed(self) -> str:
        request = steps.submit_request(self.stack, items=[GENOME])
        for body in ("river", "ethics"):
            steps.hui(self.stack, request, body)
        return request

    # ---- at the desk, which is the hill body ----

    def _make_at_desk(self) -> str:
        if not self._at_desk:
            with also.desk(self.stack):
                self._at_desk = [steps.submit_request(self.stack, items=[GENOME]) for _ in range(6)]
        return self._at_desk.pop()

    def _make_returned(self) -> tuple[str, str]:
        with also.desk(self.stack):
            content = steps.draft_content(self.stack, items=[GENOME])
            researcher = self.stack.client("researcher")
            draft = ok(researcher.post("/v1/drafts", json=content))["id"]
            sent = command(version=1)
            request = ok(researcher.post(f"/v1/drafts/{draft}/submit", json=sent))["stream"]
        hill = self.stack.bodies["hill"]
        ok(also.at(self.stack, "hill-secretary", request, "returns", body=hill, missing="x"))
        return request, draft

    # ---- what bodies record ----

    def _make_to_meet(self) -> str:
        return steps.submit_request(self.stack, items=[GENOME])

    def _make_meeting(self) -> str:
        request = steps.submit_request(self.stack, items=[GENOME])
        ok(also.at(self.stack, "river-secretary", request, "meetings", body=self.river,
                   meeting="wananga"))  # fmt: skip
        return request

    def _make_in_principle(self) -> str:
        request = steps.submit_request(self.stack, items=[GENOME])
        hui = self.hui("in_principle", body=self.river, seen=self.seen(request),
                       depends_on=["funding"])  # fmt: skip
        hui["voices"] = dict.fromkeys(hui["voices"], "approve")
        self._as_secretary(f"/v1/requests/{request}/hui", hui)
        return request

    def _make_recorded(self) -> tuple[str, str]:
        """A request, and the entry of the river body's record in it."""
        request = steps.submit_request(self.stack, items=[GENOME])
        return request, str(steps.hui(self.stack, request, "river")["entry"])

    def _make_code(self) -> str:
        return str(self.read_back(*self.recorded)[0]["code"])

    def read_back(self, request: str, entry: str, body: str = "river") -> list[Json]:
        """What is printed of the record in `entry`."""
        sent = command(body=self.stack.bodies[body], entry=entry)
        secretary = self.stack.client(f"{body}-secretary")
        found: list[Json] = ok(secretary.post(f"/v1/requests/{request}/read-backs", json=sent))
        return found

    def _make_disputed(self) -> tuple[str, str]:
        request = steps.submit_request(self.stack, items=[GENOME])
        entry = steps.hui(self.stack, request, "river")["entry"]
        # Disputed by one member, and so for another to answer; nor does who wrote it down.
        printed = {each["person"]: each["code"] for each in self.read_back(request, entry)}
        code = printed[self.stack.people["river-member-3"]]
        sent = command(code=code, words="It was otherwise.")
        ok(self.stack.anonymous.post("/v1/disputes", json=sent))
        return request, sent["command_id"]

    # ---- using ----

    def _make_granted(self) -> str:
        return steps.accept(self.stack, self._make_agreed())

    def _make_lapsing(self) -> str:
        """A grant that rests on a decision made elsewhere, which lapses in ten days."""
        request = steps.submit_request(self.stack, items=[GENOME])
        sent = self.elsewhere(request, expires_at=also.instant(self.stack, days=10))
        self._as_secretary(f"/v1/requests/{request}/letters", sent)
        steps.hui(self.stack, request, "ethics")
        return steps.accept(self.stack, request)

    def elsewhere(self, request: str, **more: Any) -> Json:
        """A decision that the river body made in its own system."""
        return self.for_river(
            request, outcome="approve", reference="2026/17", decided_on="2026-01-15",
            letter={"media_type": "text/plain", "content": "S8SBIHBhaSB0xIF0b3Uu"}, **more,
        )  # fmt: skip

    def _make_reported(self) -> str:
        grant = self._make_granted()
        sent = command(duty="duty-1", words=dict.fromkeys(REPORT, "Invented."))
        ok(self.stack.client("researcher").post(f"/v1/grants/{grant}/reports", json=sent))
        return grant

    def _make_ended(self) -> str:
        grant = self._make_granted()
        ok(self.stack.client("researcher").post(f"/v1/grants/{grant}/end", json=command()))
        return grant

    def _make_attested(self) -> str:
        grant = self._make_ended()
        sent = command(attestation="Invented.")
        ok(self.stack.client("researcher").post(f"/v1/grants/{grant}/disposal", json=sent))
        return grant

    # ---- restricting ----

    def _make_restricted(self) -> str:
        return steps.place(self.stack, acts=["use.offshore"])

    def _make_hidden(self) -> str:
        return steps.place(self.stack, acts=["use.offshore"], hidden=True)

    # ---- a body's own ----

    def _make_staying(self) -> str:
        """A member of the river body; whoever was made to leave is asked back."""
        person = self.stack.people["river-member-4"]
        member = {"person": person, "roles": ["member"]}
        self._as_secretary(f"/v1/bodies/{self.river}/members", command(member=member))
        return person

    def _make_adopted(self) -> str:
        pack = "example-newcomers"
        sent = steps.adoption(self.stack, "river-secretary", self.river, pack)
        secretary = self.stack.client("river-secretary")
        answer = secretary.post(f"/v1/bodies/{self.river}/adoptions", json=sent)
        assert answer.status_code in (201, 409), answer.text
        return pack

    def _make_writing(self) -> str:
        """A pack that the river body is writing, and that is in force nowhere."""
        sent = command(body=self.river, name="Example rules", pack="example")
        secretary = self.stack.client("river-secretary")
        return str(ok(secretary.post("/v1/packs", json=sent))["stream"])

    def edit(self) -> Json:
        """Its next version: a line more than its newest."""
        secretary = self.stack.client("river-secretary")
        newest = ok(secretary.get(f"/v1/packs/{self.writing}"))["newest"]
        read = ok(secretary.get(f"/v1/packs/{self.writing}/versions/{newest}"))
        line = (
            f"DRAFT-{self.number()},role:grantee,use.read,*,*,open,invented,*,*,*,*,deny,"
            "This invented purpose is not ours.\n"
        )
        files = {**read["files"], "rules.csv": read["files"]["rules.csv"] + line}
        return command(based_on=newest, files=files)

    def _make_delegation(self) -> str:
        sent = self.delegating("river-member-4", "island-b-member-2")
        self._as_secretary(f"/v1/bodies/{self.river}/delegations", sent)
        return str(sent["command_id"])

    def delegating(self, person: str, to: str) -> Json:
        """A member lets somebody speak for a second: it ends of itself, so that nobody speaks
        for another in other tests."""
        people = self.stack.people
        return command(
            person=people[person], to=people[to], until=also.instant(self.stack, seconds=1.5)
        )

    def _make_pause(self) -> str:
        sent = command(kind="seasonal", first="2199-01-01", last="2199-01-02")
        self._as_secretary(f"/v1/bodies/{self.river}/pauses", sent)
        return str(sent["command_id"])

    # ---- what is shared ----

    def _make_proposal(self) -> str:
        return also.propose(self.stack, "island-a", **self.change())

    def change(self) -> Json:
        """Another change at each call, which nobody agrees to."""
        bodies = list(self.stack.bodies.values())
        number = self.number()
        subject = bodies[number // 60 % len(bodies)]
        return {"kind": "desk", "subject": subject, "days": number % 60 + 1}

    # ---- the catalogue ----

    def _make_story(self) -> str:
        sent = command(
            body=self.river, items=[also.PLANTED], classes=["korero"],
            peoples=[also.RIVER_PEOPLE],
        )  # fmt: skip
        self._as_secretary("/v1/confirmations", sent)
        return also.PLANTED

    def claim(self, body: str) -> Json:
        """A body says that an item of others is theirs too."""
        return command(
            body=self.stack.bodies[body], subjects={"items": [also.BIRTH]}, statement="Ours too."
        )

    def _make_claim_of_river(self) -> str:
        return self._claimed("river")

    def _make_claim_of_hill(self) -> str:
        return self._claimed("hill")

    def _claimed(self, body: str) -> str:
        """A claim of the body's that is open; what is claimed already is not claimed again."""
        sent = self.claim(body)
        secretary = self.stack.client(f"{body}-secretary")
        if secretary.post("/v1/claims", json=sent).is_success:
            return str(sent["command_id"])
        open_ = ok(secretary.get("/v1/claims"))
        return str(next(each["id"] for each in open_ if each["body"] == self.stack.bodies[body]))

    def searching(self) -> Json:
        """A body looks for those who care for a place."""
        return command(
            body=self.river, subjects={"places": ["example-harbour-town"]},
            searcher=self.river, words="Invented.",
        )  # fmt: skip

    def _make_search(self) -> str:
        sent = self.searching()
        self._as_secretary("/v1/searches", sent)
        return str(sent["command_id"])

    def _make_session(self) -> str:
        """A session of the researcher's, in a browser of their own."""
        address = self.stack.settings.url
        with httpx.Client(base_url=address, headers={"Origin": address}, verify=False) as browser:
            browser.post("/sign-in/example", data={"person": "researcher"})
            return str(ok(browser.get("/v1/sessions"))[0]["id"])

    def put_back(self) -> None:
        """Undo what other tests would stumble over: who left, what is contested, and a pack by
        which the river body's lines would be asked about somebody else's people as well."""
        withdrawal = command(pack="example-newcomers")
        path = f"/v1/bodies/{self.river}/pack-withdrawals"
        answer = self.stack.client("river-secretary").post(path, json=withdrawal)
        # Nothing to withdraw is as well.
        assert answer.status_code in (201, 404, 409), answer.text
        self.spend("staying")
        assert self.staying
        for claim in ok(self.stack.client("river-secretary").get("/v1/claims")):
            short = next(name for name, body in self.stack.bodies.items() if body == claim["body"])
            sent = command(body=claim["body"])
            path = f"/v1/claims/{claim['id']}/withdrawal"
            ok(self.stack.client(f"{short}-secretary").post(path, json=sent))

    def _as_secretary(self, path: str, sent: Json) -> None:
        ok(self.stack.client("river-secretary").post(path, json=sent))
