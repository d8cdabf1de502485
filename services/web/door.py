"""The outermost layer of the app: bounds what is read, and lets no exception through.

Whatever leaves an app is logged by the server with its message, and the message of an
exception may quote what people wrote. So unknown trouble ends here: a bare 500 with an
id, and in the log where it was raised, under that id.
"""

from __future__ import annotations

import logging
import traceback
import uuid

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from policies.refusals import Code, Refused
from services.web.errors import of_refusal, problem

LOG = logging.getLogger("accord")

MOST_BYTES = 2_000_000
"""The largest body of a request that is read."""


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
        if _announced(scope) > MOST_BYTES:
            await of_refusal(Refused(Code.TOO_LARGE))(scope, receive, send)
            return
        read, begun = 0, False

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise HTTPException(413)
            return message

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

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
            await answer(scope, receive, send)


def _announced(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isdecimal() else 0
