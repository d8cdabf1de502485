"""`accord story`: plays three stories in a temporary home, and proves them from the ledger."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from services.ledger.verify import verify
from services.story import endings
from services.story.second import OwnData
from services.story.stage import Stage, UnexpectedError, must
from services.story.steps import Story
from services.story.third import Revised

Say = Callable[[str], None]

FIRST = (
    "A researcher drafts a request, and is told who must decide and what is refused already.",
    "She submits it; every body that has the say is asked.",
    "The bodies work; one declines; all the others decide afresh about the rest.",
    "She accepts all the conditions; a grant is issued.",
    "The custodian's gateway asks at the moment of use.",
    "A body restricts; access stops; the body lifts it; access returns.",
    "The plug is pulled.",
    "The benefit report falls due.",
    "The grant ends.",
)
SECOND = (
    "An agency that holds data about a people enters; the bodies welcome it, and name a reviewer.",
    "The iwi asks for its own people's data; its own body endorses.",
    "The agency is silent; that is counted and shown, and the reviewer is told.",
    "The agency answers, and it opens.",
)
THIRD = (
    "A request is refused at preview, and revised as a new one.",
    "That one is declined.",
    "It is revised again, for less; the body sees what changed.",
)

Step = tuple[str, Callable[[], Awaitable[None]]]


def chapters(story: Story) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    """The three stories, each with its steps in order. `story` is the first one."""
    own, revised = OwnData(story), Revised(story)
    first = (
        story.first, story.second, story.third, story.fourth, story.fifth, story.sixth,
        lambda: endings.seventh(story), lambda: endings.eighth(story),
        lambda: endings.ninth(story),
    )  # fmt: skip
    second = (own.first, own.second, own.third, own.fourth)
    third = (revised.first, revised.second, revised.third)
    return (
        ("Asked, decided by every body with the say, given back", _steps(FIRST, first)),
        ("An iwi asks for its own people's data", _steps(SECOND, second)),
        ("Refused, revised; declined, revised", _steps(THIRD, third)),
    )


def _steps(
    titles: tuple[str, ...], steps: tuple[Callable[[], Awaitable[None]], ...]
) -> tuple[Step, ...]:
    return tuple(zip(titles, steps, strict=True))


async def tell(*, keep: bool, say: Say) -> int:
    """Play the story; returns the exit code. The last line said is one JSON object."""
    home = Path(tempfile.mkdtemp(prefix="accord-story-"))
    say("Everyone and every body in this story is invented. It plays in a temporary home.")
    stage = Stage(home, say)
    began = time.monotonic()
    try:
        await stage.open()
        for title, steps in chapters(Story(stage)):
            say(f"\n{title}")
            for number, (what, step) in enumerate(steps, 1):
                say(f"\n{number}. {what}")
                await step()
        export = home / "ledger.jsonl"
        await _export(stage, export)
        _changed_byte(export, say)
        figures = _figures(export)
    except UnexpectedError as error:
        say(f"\nThe story stopped: {error}")
        say(json.dumps({"story": "stopped"}))
        return 1
    finally:
        await stage.close()
        if keep:
            say(f"\nKept in {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    say(f"\nPlayed in {time.monotonic() - began:.0f} seconds.")
    say(json.dumps(figures))
    return 0 if figures["story"] == "complete" else 1


async def _export(stage: Stage, file: Path) -> None:
    headers = await stage.signed("operator")
    answer = await stage.http.get("/v1/ledger/export", headers=headers)
    must(answer.status_code == 200, "the operator should be able to export the ledger")
    file.write_bytes(answer.content)


def _changed_byte(export: Path, say: Say) -> None:
    """Change one byte in the middle of a copy: verification must name the entry."""
    content = bytearray(export.read_bytes())
    content[len(content) // 2] ^= 1
    report = verify(bytes(content).splitlines(keepends=True))
    must(not report.verified and report.first_bad, "a changed byte should be caught")
    assert report.first_bad is not None
    say(f"\nOne byte of the exported ledger changed: line {report.first_bad.line} is named. "
        "Unchanged, it verifies offline.")  # fmt: skip


def _figures(export: Path) -> dict[str, object]:
    """Recompute everything from the export, in a process that knows nothing else."""
    told = subprocess.run(  # noqa: S603
        [sys.executable, "-P", "-m", "services.story.figures", str(export)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, object] = json.loads(told.stdout)
    return found
