"""The third story: a request that is refused at preview is revised as a new one, with what
changed shown; one that was declined likewise."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from policies.request.commands import WORDS
from services.story.stage import Json, Stage, must
from services.story.steps import LANGUAGE, Story

RIVER = "example-river-people"
PURPOSE = "example-languages-of-the-river"


class Revised:
    """What its steps hand on to each other."""

    def __init__(self, story: Story) -> None:
        """The other stories may have been played before, or not."""
        self.stage: Stage = story.stage
        self.say = story.say
        self.draft = ""
        self.request = ""

    async def first(self) -> None:
        """Refused at preview, with the line that refuses it; revised as new, it can go."""
        stage = self.stage
        await stage.adopt("river-secretary", stage.bodies["river"], "draft")
        content = await self._content(area="immigration", summary="Whatever future research needs.")
        first = await stage.post_plain("researcher", "/v1/drafts", version=0, **content)
        seen = await stage.get("researcher", f"/v1/drafts/{first['id']}/preview")
        must(not seen["ready"], "it should be refused")
        codes = {each["code"] for each in seen["refused"]}
        must("not_permitted" in codes, f"the area should be refused by a rule: {codes}")
        must("too_broad" in codes, f"the summary should be refused as too broad: {codes}")
        for each in seen["refused"]:
            self.say(f"   Refused: {each['help'] or each['because']}")
        await stage.post("researcher", f"/v1/drafts/{first['id']}/submit", expect=409, version=1)
        revised = await stage.post_plain("researcher", f"/v1/drafts/{first['id']}/revision")
        better = await self._content(
            area="language", summary="Which languages are spoken at home along the river, by year."
        )
        self.draft = await self._saved(revised, better)
        told = await stage.get("researcher", f"/v1/drafts/{self.draft}/changes")
        changed = [each["field"] for each in told["changes"]]
        must(changed == ["area", "words.summary"], f"both changes should be shown: {changed}")
        self.say(f"   Revised as new; what changed is shown: {', '.join(changed)}.")
        answer = await stage.post("researcher", f"/v1/drafts/{self.draft}/submit", version=2)
        self.request = answer["stream"]

    async def second(self) -> None:
        """The body declines, with its reasons; that request has ended."""
        await self._voices("decline", reasons="Invented: ask for fewer years, and come again.")
        seen = await self.stage.get("researcher", f"/v1/requests/{self.request}")
        must(seen["status"] == "declined", "nothing was left, so it should have ended")
        self.say("   The river rōpū declined, and said why; nothing was left, and it ended.")

    async def third(self) -> None:
        """Revised as new, for less; the body sees what changed, and says yes."""
        stage = self.stage
        revised = await stage.post_plain("researcher", f"/v1/drafts/{self.draft}/revision")
        content = await self._content(
            area="language", summary="Which languages are spoken at home along the river, by year."
        )
        content["slice"]["years"] = [2022, 2023]
        draft = await self._saved(revised, content)
        answer = await stage.post("researcher", f"/v1/drafts/{draft}/submit", version=2)
        earlier, self.request = self.request, answer["stream"]
        shown = await stage.get("river-member-1", f"/v1/requests/{self.request}")
        must(shown["revises"]["request"] == earlier, "the body should see what it revises")
        changed = {each["field"] for each in shown["revises"]["changes"]}
        must("slice.years" in changed, f"the body should see what changed: {changed}")
        self.say(f"   Revised as new; the river rōpū sees what changed: {', '.join(changed)}.")
        await self._voices("approve")
        seen = await stage.get("researcher", f"/v1/requests/{self.request}")
        await stage.post(
            "researcher", f"/v1/requests/{self.request}/acceptance", seen=seen["sequence"],
            conditions=[],
        )  # fmt: skip
        self.say("   It said yes to that; a grant follows.")

    async def _voices(self, outcome: str, **more: Any) -> None:
        stage = self.stage
        for key, count in (("river", 3), ("ethics", 2)):
            seen = await stage.get(f"{key}-secretary", f"/v1/requests/{self.request}")
            if seen["status"] != "deciding":
                return
            said = {
                "body": stage.bodies[key],
                "seen": seen["sequence"],
            }
            for number in range(1, count + 1):
                await stage.post(
                    f"{key}-member-{number}", f"/v1/requests/{self.request}/voices",
                    voice=outcome, **said,
                )  # fmt: skip
            await stage.post(
                f"{key}-secretary", f"/v1/requests/{self.request}/conclusions",
                outcome=outcome, **said, **more,
            )  # fmt: skip

    async def _saved(self, draft: Json, content: Json) -> str:
        headers = await self.stage.signed("researcher")
        answer = await self.stage.http.put(
            f"/v1/drafts/{draft['id']}",
            json={**content, "version": draft["version"], "revises": draft["revises"]},
            headers=headers,
        )
        answer.raise_for_status()
        return str(draft["id"])

    async def _content(self, *, area: str, summary: str) -> Json:
        stage = self.stage
        answer = await stage.http.post("/v1/example/tokens", json={"person": "researcher"})
        today: date = datetime.fromisoformat(answer.json()["expires_at"]).date()
        return {
            "purpose": PURPOSE,
            "area": area,
            "use_kind": "secondary",
            "people": {await stage.person("researcher"): "asks"},
            "items": {LANGUAGE: "To write in the languages that are spoken."},
            "slice": {"peoples": [RIVER]},
            "ends_on": (today + timedelta(days=200)).isoformat(),
            "words": {
                **{name: f"Invented, for the third story: {name}." for name in WORDS},
                "summary": summary,
            },
        }
