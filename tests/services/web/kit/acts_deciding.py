"""What bodies and their secretaries do with a request, the desk first."""

from __future__ import annotations

from stack import command
from web_act import ANONYMOUS, DESK, MEMBER, SECRETARY, Act, request, sent
from web_scene import Scene

AT_THE_DESK = "by the desk, which is another body"


def _for_the_desk(scene: Scene, **fields: str) -> dict[str, object]:
    return command(body=scene.stack.bodies["hill"], **fields)


DECIDING = (
    Act("POST /v1/requests/{request}/forwarding", DESK,
        request("at_desk", lambda s, r: _for_the_desk(s)), "at_desk", AT_THE_DESK),
    Act("POST /v1/requests/{request}/returns", DESK,
        request("at_desk", lambda s, r: _for_the_desk(s, missing="Which years?")), "at_desk",
        AT_THE_DESK),
    Act("POST /v1/requests/{request}/questions", MEMBER,
        request("deciding", lambda s, r: s.for_river(r, question="Why?"))),
    Act("POST /v1/requests/{request}/meetings", MEMBER,
        request("to_meet", lambda s, r: s.for_river(r, meeting="kanohi_ki_te_kanohi",
                                                    words="Come to the river.")), "to_meet"),
    Act("POST /v1/requests/{request}/meetings/held", MEMBER,
        request("meeting", lambda s, r: s.for_river(r, held_on="2026-01-15")), "meeting"),
    Act("POST /v1/requests/{request}/stand-aside", MEMBER,
        request("deciding", lambda s, r: s.for_river(r)), "deciding"),
    Act("POST /v1/requests/{request}/voices", MEMBER,
        request("deciding", lambda s, r: s.for_river(r, voice="approve"))),
    Act("POST /v1/requests/{request}/conditions", MEMBER,
        request("deciding", lambda s, r: s.for_river(r, kind="no_linkage"))),
    Act("POST /v1/requests/{request}/conclusions", MEMBER,
        request("deciding", lambda s, r: s.for_river(r, outcome="approve")), "deciding"),
    Act("POST /v1/requests/{request}/hui", SECRETARY,
        request("deciding", lambda s, r: s.hui(body=s.river, seen=s.seen(r))), "deciding"),
    Act("POST /v1/requests/{request}/letters", SECRETARY,
        request("deciding", lambda s, r: s.elsewhere(r)), "deciding"),
    # What a record is read back and disputed by.
    Act("POST /v1/requests/{request}/read-backs", SECRETARY,
        request("recorded", lambda s, r: command(body=s.river, entry=s.recorded[1])), "code"),
    Act("POST /v1/disputes", ANONYMOUS,
        sent(lambda s: command(code=s.code, words="It was otherwise."))),
    Act("POST /v1/requests/{request}/dispute-answers", MEMBER,
        request("disputed", lambda s, r: s.for_river(r, dispute=s.disputed[1], stands=True,
                                                     answer="We asked again.")), "disputed"),
)  # fmt: skip
