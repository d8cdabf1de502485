"""The outermost layer of the app: bounds what is read, and lets no exception through.

Whatever leaves an app is logged by the server with its message, and the message of an
exception may quote what people wrote. So unknown trouble ends here: a bare 500 with an
id, and in the log where it was raised, under that id.
"""

from __future__ import annotations

import logging
import re
import traceback
import uuid

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from policies.refusals import Code, Refused
from services.web.errors import of_refusal, problem

_HEADER = re.compile("[\t\x20-\x7e\x80-\xff]+")
"""What may stand in a header (RFC 9110, section 5.5)."""

LOG = logging.getLogger("accord")

MOST_BYTES = 2_000_000
"""The largest body of a request that is read."""

MOST_BYTES_OF_A_PACK = 20_000_000
"""The same where a pack's files are sent: three of 5 MB at most, with room for JSON's escapes."""

_PACKS = re.compile(r"/v1/packs/[a-z0-9-]{1,60}/versions")

MOST_OF_AN_ID = 4096
"""The longest name of a question that is sent back. AuthZEN has no bound; what is longer than any
name that is meant stays out of our answers."""


class Door:
    """Wraps the app; everything goes through it, both ways."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` is the next layer in."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = MOST_BYTES_OF_A_PACK if _PACKS.fullmatch(scope["path"]) else MOST_BYTES
        read, begun = 0, False

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise HTTPException(413)
            return message

        asked_as = _request_id(scope)

        async def sending(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                if asked_as is not None:
                    message["headers"] = [*message["headers"], (b"x-request-id", asked_as)]
            await send(message)

        if _announced(scope) > most:
            await of_refusal(Refused(Code.TOO_LARGE))(scope, receive, sending)
            return
        try:
            await self._app(scope, bounded, sending)
        except Exception as error:
            name = str(uuid.uuid4())
            places = "".join(traceback.format_tb(error.__traceback__)[-6:])
            LOG.error("unknown trouble %s: %s at\n%s", name, type(error).__name__, places)
            if begun:
                # A broken answer must not look like a whole one: the connection ends.
                raise RuntimeError(f"unknown trouble {name}") from None
            sentence = "Something went wrong on our side."
            answer = problem(500, "unknown", sentence, instance=f"urn:uuid:{name}")
            await answer(scope, receive, sending)


def _request_id(scope: Scope) -> bytes | None:
    """What a gateway calls its question; AuthZEN wants it back with whatever is answered."""
    if not scope["path"].startswith(("/access/", "/.well-known/authzen-configuration")):
        return None
    name = Headers(scope=scope).get("x-request-id", "")
    # Read as Latin-1, and so written back byte for byte.
    kept = len(name) <= MOST_OF_AN_ID and _HEADER.fullmatch(name) is not None
    return name.encode("latin-1") if kept else None


def _announced(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isdecimal() else 0
