"""The last three steps: the plug is pulled, the report comes home, the grant ends."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx

from policies.grant.commands import REPORT_WORDS
from policies.request.commands import WORDS
from services.story.stage import Json, must
from services.story.steps import LANGUAGE, PURPOSE, VISITS, Story

COMMUNITIES = ("river", "hill", "island-a")


async def seventh(story: Story) -> None:
    """The plug is pulled while a member is deciding; nothing is lost, nothing is doubled."""
    stage = story.stage
    researcher = await stage.person("researcher")
    draft = await stage.post_plain(
        "researcher", "/v1/drafts", version=0, purpose="example-small-look",
        people={researcher: "leads the study"}, items={LANGUAGE: "A small look."},
        slice={"peoples": ["example-river-people", "example-newcomer-people"]},
        area="language", use_kind="primary",
        ends_on=datetime.now(UTC).date().replace(year=datetime.now(UTC).year + 1).isoformat(),
        words={name: "Invented, for the story." for name in WORDS},
    )  # fmt: skip
    answer = await stage.post("researcher", f"/v1/drafts/{draft['id']}/submit", version=1)
    address = f"/v1/requests/{answer['stream']}"
    command = {
        "command_id": str(uuid.uuid4()),
        "seen": answer["sequence"],
        "body": stage.bodies["river"],
        "voice": "approve",
    }
    headers = await stage.signed("river-member-1")
    speaking = asyncio.create_task(
        stage.http.post(f"{address}/voices", json=command, headers=headers)
    )
    await asyncio.sleep(0.03)
    await stage.pull_the_plug()
    try:
        first: httpx.Response | None = await speaking
    except httpx.HTTPError:
        first = None
    story.say(
        "   Killed -9, all of it, while a member was deciding"
        + (" (the answer had already left)." if first and first.is_success else ".")
    )
    again = await stage.http.post(f"{address}/voices", json=command, headers=headers)
    must(again.status_code == 201, "the same command should be answered after the restart")
    other = {**command, "command_id": str(uuid.uuid4()), "voice": "abstain"}
    headers = await stage.signed("river-member-2")
    (await stage.http.post(f"{address}/voices", json=other, headers=headers)).raise_for_status()
    seen = await stage.get("river-member-1", address)
    spoken = [event for event in seen["history"] if event["event"] == "Spoken"]
    must(len(spoken) == 2, "each voice should be there once")
    must(len(seen["voices"][stage.bodies["river"]]) == 2, "both voices should be heard")
    await stage.post("researcher", f"{address}/withdrawal", seen=seen["sequence"])
    story.say("   Everything started again: that voice is there once, the next was heard too.")


async def eighth(story: Story) -> None:
    """The report falls due; overdue, access pauses; it is filed, returned, accepted."""
    stage = story.stage
    address = f"/v1/grants/{story.grant}"
    duty = (await stage.get("researcher", address))["duties"][0]
    due = datetime.fromisoformat(duty["due_at"])
    await stage.advance(_days_until(await _now(story), due) - 5)
    await stage.until("the reminder", lambda: _happened(story, "DutyReminded"))
    story.say(f"   The report is due on {duty['due_at'][:10]}; the researcher was reminded.")
    await stage.advance(7)
    await stage.until("the pause", lambda: _happened(story, "AccessPaused"))
    researcher = await stage.person("researcher")
    no = await stage.ask(researcher, VISITS, PURPOSE)
    must(no["context"]["code"] == "duty_overdue", "access should be paused")
    story.say(f"   Overdue: no. {no['context']['reason_user']['403']}")
    for number, words in enumerate(("Tables, in figures.", "The same, in plain words."), 1):
        await stage.post(
            "researcher", f"{address}/reports", duty=duty["id"],
            words={name: f"Invented ({name}): {words}" for name in REPORT_WORDS},
        )  # fmt: skip
        if number == 1:
            await stage.post(
                "river-secretary", f"{address}/report-returns", body=stage.bodies["river"],
                duty=duty["id"], question="What does this mean for our children?",
            )  # fmt: skip
            story.say("   Filed; the river rōpū sent it back with a question; filed again.")
    for body in COMMUNITIES:
        await stage.post(
            f"{body}-secretary", f"{address}/report-acceptances", body=stage.bodies[body],
            duty=duty["id"], reply="We have read it, and told our people.",
        )  # fmt: skip
    yes = await stage.ask(researcher, VISITS, PURPOSE)
    must(yes["decision"], "access should return once the report is accepted")
    read = await stage.get(None, "/v1/reports")
    must(read and len(read[0]["replies"]) == 3, "anyone should read report and replies")
    story.say("   Accepted; anyone can read it, and the three replies beside it.")


async def ninth(story: Story) -> None:
    """The grant ends: access stops, disposal is attested and acknowledged, all is closed."""
    stage = story.stage
    address = f"/v1/grants/{story.grant}"
    ends = datetime.fromisoformat((await stage.get("researcher", address))["ends_at"])
    await stage.advance(_days_until(await _now(story), ends) + 1)
    await stage.until("the end", lambda: _happened(story, "Ended"))
    no = await stage.ask(await stage.person("researcher"), VISITS, PURPOSE)
    must(not no["decision"], "the day after, the answer should be no")
    story.say(f"   The day after: no. {no['context']['reason_user']['403']}")
    await stage.post(
        "researcher", f"{address}/disposal",
        attestation="Every copy in the safe room was erased; no other was made.",
    )  # fmt: skip
    for body in COMMUNITIES:
        await stage.post(
            f"{body}-secretary", f"{address}/disposal-acknowledgements", body=stage.bodies[body]
        )

    async def closed() -> Any:
        seen = await stage.get("researcher", f"/v1/requests/{story.request}")
        return seen["status"] == "closed"

    await stage.until("the request's close", closed)
    story.say("   Disposal was attested and acknowledged; the request is closed.")


async def _happened(story: Story, event: str) -> Any:
    seen = await story.stage.get("researcher", f"/v1/grants/{story.grant}")
    return any(each["event"] == event for each in seen["history"])


async def _now(story: Story) -> datetime:
    """The service clock, as a token tells it (it lasts an hour)."""
    answer = await story.stage.http.post("/v1/example/tokens", json={"person": "researcher"})
    told: Json = answer.json()
    return datetime.fromisoformat(told["expires_at"])


def _days_until(now: datetime, then: datetime) -> float:
    return (then - now).total_seconds() / 86400
