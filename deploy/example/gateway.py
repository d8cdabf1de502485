"""The example custodian's gateway: serves invented data as Accord decides, and no further.

It stands for a holder's own system, and so imports nothing of Accord: all that it
knows is the wire. It finds out who asks (``GET /v1/me`` with the asker's own token),
asks whether they may (AuthZEN Authorization API 1.0, ``POST /access/v1/evaluation``),
applies the slice that comes with a yes, and asks again every second of a download.
Whatever it cannot read, reach or apply is a no: it fails closed.

    ACCORD_GATEWAY_CREDENTIAL=… python3 deploy/example/gateway.py \
        --accord http://127.0.0.1:8000 --data deploy/example --port 8001

``GET /items/<item>?purpose=<id>[&level=<level>]`` streams CSV, or lines of text for the
genome. A download that ends without the last chunk of HTTP/1.1's chunked coding
(RFC 9112, section 7.1) was stopped and is incomplete. Trouble is told as problem
details (RFC 9457). The token is looked at once, at the start; the person's right
to the data is what is asked about again.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

# The folder of a script is not on the path when Python runs with -P.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from gateway_accord import TOKEN, Accord, Permission, Trouble, unavailable
from gateway_records import LEVELS, VARIABLES, Slice, genome_lines, survey_lines

BATCH = 64  # lines sent together when there is no pace to keep
SURVEY = {f"example_survey.people.{name}": name for name in VARIABLES}
GENOME = "example_genome.assembly.sequence"


class Gateway(ThreadingHTTPServer):
    """The server, with what its handlers share."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, accord: Accord, data: Path, rows_per_second: float) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.accord, self.data, self.rows_per_second = accord, data, rows_per_second

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what kind of unforeseen error it was; its words could hold what was sent."""
        del request, client_address
        print(f"unforeseen {type(sys.exception()).__name__}", file=sys.stderr, flush=True)


class Handler(BaseHTTPRequestHandler):
    """One request, one connection."""

    protocol_version = "HTTP/1.1"
    server_version = "ExampleGateway"
    sys_version = ""
    timeout = 30
    disable_nagle_algorithm = True
    server: Gateway
    noted: tuple[str, str] = ("-", "-")

    def do_GET(self) -> None:
        """Answer a request for an item, or for a sign of life."""
        path, _, query = self.path.partition("?")
        try:
            if self.request_version != "HTTP/1.1":
                # Without chunks, a download that was stopped would look complete.
                raise Trouble(505, "invalid", "Use HTTP/1.1: a stopped download must show as one.")
            if path == "/health":
                self._reply(200, "application/json", {"status": "ok"})
            else:
                self._item(path, query)
        except Trouble as trouble:
            self._problem(trouble)
        except OSError:
            self._log(0, "client_gone")

    def _item(self, path: str, query: str) -> None:
        item = _item_id(path)
        purpose, level = _parameters(query)
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not TOKEN.fullmatch(token):
            raise Trouble(401, "not_signed_in", "Send your own token as Authorization: Bearer.")
        person = self.server.accord.person(token)
        self.noted = (person, item)
        permission = Permission(self.server.accord, person, item, purpose, level)
        lines = self._lines(item, permission.slice)
        try:
            first = next(lines, "")
        except (OSError, LookupError, ValueError, csv.Error) as error:
            raise unavailable("The data cannot be read.") from error
        self._stream(item, first, lines, permission)

    def _lines(self, item: str, allowed: Slice) -> Iterator[str]:
        if item in SURVEY:
            return survey_lines(self.server.data / "survey.csv", SURVEY[item], allowed)
        if not allowed.shows_genome:
            raise Trouble(403, "other_slice", "What was agreed does not reach this whole genome.")
        return genome_lines(self.server.data / "genome.fasta")

    def _stream(self, item: str, first: str, lines: Iterator[str], permission: Permission) -> None:
        """Send in chunks; stopping leaves out the last one, which tells the client."""
        kind = "text/csv" if item in SURVEY else "text/plain"
        self._head(200, f"{kind}; charset=utf-8", {"Transfer-Encoding": "chunked"})
        pace = self.server.rows_per_second
        sent, outcome = 0, "complete"
        batch = [first] if first else []
        try:
            while batch:
                content = "".join(batch).encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
                sent += len(batch)
                batch = list(islice(lines, 1 if pace else BATCH))
                if batch and pace:
                    permission.wait(1 / pace)
                permission.check()
            self.wfile.write(b"0\r\n\r\n")
        except Trouble as trouble:
            outcome = f"stopped:{trouble.code}"
        except OSError:
            outcome = "client_gone"
        except (LookupError, ValueError, csv.Error):
            outcome = "data_unreadable"
        self._log(200, outcome, sent)

    def _head(self, status: int, kind: str, more: dict[str, str]) -> None:
        self.send_response(status)
        self.close_connection = True
        fixed = {"Content-Type": kind, "Cache-Control": "no-store", "Connection": "close"}
        for name, value in {**fixed, **more}.items():
            self.send_header(name, value)
        self.end_headers()

    def _reply(self, status: int, kind: str, body: dict[str, Any]) -> None:
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        more = {"Content-Length": str(len(content))}
        if status == HTTPStatus.UNAUTHORIZED:
            more["WWW-Authenticate"] = "Bearer"
        self._head(status, kind, more)
        if self.command != "HEAD":
            self.wfile.write(content)

    def _problem(self, trouble: Trouble) -> None:
        status, code = trouble.status, trouble.code
        self._log(status, code)
        body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
        try:
            detail = {"detail": trouble.sentence, "code": code}
            self._reply(status, "application/problem+json", {**body, **detail})
        except OSError:
            self._log(status, "client_gone")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Tell what the HTTP library refuses in the same way as everything else."""
        del message, explain  # They repeat what was sent.
        self._problem(Trouble(code, "invalid", "This request cannot be read; send a plain GET."))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the library's own lines would hold the query. See `_log`."""

    def _log(self, status: int, code: str, lines: int = 0) -> None:
        """One line of ids and counts: no names, no query, no token."""
        person, item, code = (re.sub(r"[^\w.:-]", "?", each)[:100] for each in (*self.noted, code))
        when = datetime.now(UTC).isoformat(timespec="seconds")
        print(f"{when} {status} {code} {person} {item} lines={lines}", file=sys.stderr, flush=True)


def _item_id(path: str) -> str:
    """The item that a path names. Ids are looked up, and never become part of a file's name."""
    item = unquote(path.removeprefix("/items/")) if path.startswith("/items/") else ""
    if item not in SURVEY and item != GENOME:
        raise Trouble(404, "not_found", "There is no such item here; check its id.")
    return item


def _parameters(query: str) -> tuple[str, str | None]:
    try:
        given = parse_qs(query, keep_blank_values=True, errors="strict", max_num_fields=5)
    except ValueError:
        given = {}
    purpose, level = given.pop("purpose", []), given.pop("level", [])
    if given or len(purpose) != 1 or not purpose[0] or len(level) > 1:
        raise Trouble(400, "invalid", "Give one purpose, at most one level, and nothing else.")
    if level and level[0] not in LEVELS:
        raise Trouble(400, "invalid", "level must be aggregate, deidentified or identifiable.")
    return purpose[0], level[0] if level else None


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description="The example custodian's gateway.")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--accord", required=True, help="the decision point's address")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--rows-per-second", type=float, default=0, help="0: as fast as it can")
    parser.add_argument("--obligations", default="slice/1", help="separated by commas")
    given = parser.parse_args()
    credential = os.environ.get("ACCORD_GATEWAY_CREDENTIAL", "")
    obligations = [each for each in given.obligations.split(",") if each]
    try:
        accord = Accord(given.accord, credential, obligations)
    except ValueError as error:
        parser.error(str(error))
    with Gateway(given.port, accord, given.data, max(0.0, given.rows_per_second)) as gateway:
        print(f"The example gateway is at http://127.0.0.1:{gateway.server_port}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            gateway.serve_forever()


if __name__ == "__main__":
    main()
