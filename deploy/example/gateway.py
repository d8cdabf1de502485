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
import csv
import http.client
import json
import os
import re
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

# The folder of a script is not on the path when Python runs with -P.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from gateway_records import LEVELS, VARIABLES, Slice, genome_lines, survey_lines  # noqa: E402

ASK_AGAIN = 1.0  # seconds between two questions during a download
PATIENCE = 5.0  # seconds to wait for an answer; nothing is sent meanwhile
BATCH = 64  # lines sent together when there is no pace to keep
SURVEY = {f"example_survey.people.{name}": name for name in VARIABLES}
GENOME = "example_genome.assembly.sequence"
APPLIES = ("slice/1",)
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750's b64token


class Trouble(Exception):  # noqa: N818  (an answer to give, not a failure of the program)
    """An answer other than data: an HTTP status, a code, and a plain sentence."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence


def unavailable(what: str) -> Trouble:
    """The one answer whenever Accord's own, or the data, cannot be had or applied."""
    return Trouble(503, "unavailable", f"{what} Nothing more is served; try again later.")


@dataclass(frozen=True)
class Yes:
    """An answer to act on: what may be served, and until when."""

    slice: Slice
    until: datetime


class Accord:
    """The decision point, as one asks it over HTTP. Redirects are never followed: they
    would carry a credential to wherever they lead."""

    def __init__(self, base: str, credential: str, obligations: list[str]) -> None:
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("--accord must be an http or https address.")
        if not TOKEN.fullmatch(credential):
            raise ValueError("Put the gateway's credential into ACCORD_GATEWAY_CREDENTIAL.")
        if not set(obligations) <= set(APPLIES):
            raise ValueError("--obligations may name only slice/1: no other can be applied.")
        self._secure = parts.scheme == "https"
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path.rstrip("/")
        self._credential, self._obligations = credential, obligations

    def _call(self, method: str, path: str, bearer: str, body: Any = None) -> tuple[int, Any]:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=PATIENCE)
        headers = {"Authorization": f"Bearer {bearer}", "X-Request-ID": str(uuid.uuid4())}
        sent = None if body is None else json.dumps(body).encode()
        if sent:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, self._path + path, sent, headers)
            answer = connection.getresponse()
            status, content = answer.status, answer.read(1_000_000)
        except (OSError, http.client.HTTPException) as error:
            raise unavailable("Accord cannot be reached.") from error
        finally:
            connection.close()
        try:
            return status, json.loads(content)
        except (ValueError, RecursionError):
            return status, None

    def person(self, token: str) -> str:
        """Whose token this is: the person's id."""
        status, answer = self._call("GET", "/v1/me", token)
        if status == HTTPStatus.UNAUTHORIZED:
            raise Trouble(401, "not_signed_in", "Accord does not know this token; sign in again.")
        person = answer.get("person") if isinstance(answer, dict) else None
        if status != HTTPStatus.OK or not isinstance(person, str) or not person:
            raise unavailable("Accord did not say who is asking.")
        return person

    def ask(self, person: str, item: str, purpose: str, narrower: Slice | None) -> Yes:
        """One question to the decision point; whatever is not a yes raises `Trouble`."""
        context: dict[str, Any] = {"purpose": purpose, "obligations_supported": self._obligations}
        if narrower:
            context["slice"] = narrower.to_json()
        question = {
            "subject": {"type": "person", "id": person},
            "action": {"name": "use.read"},
            "resource": {"type": "item", "id": item},
            "context": context,
        }
        status, answer = self._call("POST", "/access/v1/evaluation", self._credential, question)
        if status != HTTPStatus.OK or not isinstance(answer, dict):
            raise unavailable("Accord did not answer.")
        if answer.get("decision") is False:
            raise _refusal(answer.get("context"))
        if answer.get("decision") is not True:
            raise unavailable("Accord's answer cannot be read.")
        return self._yes(answer.get("context"))

    def _yes(self, context: Any) -> Yes:
        try:
            obligations = context["obligations"]
            if any(each["id"] not in self._obligations for each in obligations):
                raise unavailable("Accord set an obligation that this gateway cannot apply.")
            # Every yes carries exactly one slice; without it there is no telling what may go.
            (only,) = obligations
            if set(only) != {"id", "slice"}:
                raise ValueError("an obligation with more to it than its slice")
            until = datetime.fromisoformat(context["valid_until"])
            if until.tzinfo is None:
                raise ValueError("an instant without its zone")
            answer = Yes(Slice.read(only["slice"]), until)
        except (LookupError, TypeError, ValueError) as error:
            raise unavailable("Accord's answer cannot be read.") from error
        if answer.until <= datetime.now(UTC):
            raise unavailable("Accord's answer has run out.")
        return answer


def _refusal(context: Any) -> Trouble:
    """Accord's no in Accord's words, or in plain ones if it gave none."""
    found = context if isinstance(context, dict) else {}
    reasons = found.get("reason_user")
    sentence = reasons.get("403") if isinstance(reasons, dict) else None
    code = found.get("code")
    return Trouble(
        403,
        code if isinstance(code, str) else "not_permitted",
        sentence if isinstance(sentence, str) else "Accord says no; ask those who decide.",
    )


class Permission:
    """One person's use of one item: lasts only while Accord keeps saying the same yes."""

    def __init__(self, accord: Accord, person: str, item: str, purpose: str, level: str | None):
        self._accord, self._question = accord, (person, item, purpose)
        self._narrower: Slice | None = None
        self._yes = accord.ask(*self._question, None)
        if level:
            # The level wanted is asked for as such, within the grant's slice: what
            # Accord records is then what was used, and a finer one is refused there.
            self._narrower = replace(self._yes.slice, level=level)
            self._yes = accord.ask(*self._question, self._narrower)
            if LEVELS.index(self._yes.slice.level) > LEVELS.index(level):
                raise unavailable("Accord's answer is to another question.")
        self._asked = time.monotonic()

    @property
    def slice(self) -> Slice:
        """What may be served."""
        return self._yes.slice

    def check(self) -> None:
        """Ask again when it is time; anything but the same yes raises `Trouble`."""
        run_out = datetime.now(UTC) >= self._yes.until
        if not run_out and time.monotonic() - self._asked < ASK_AGAIN:
            return
        asked = time.monotonic()
        fresh = self._accord.ask(*self._question, self._narrower)
        if fresh.slice != self._yes.slice:
            raise unavailable("What may be served has changed.")
        self._yes, self._asked = fresh, asked

    def wait(self, seconds: float) -> None:
        """Pause, asking meanwhile, so that a slow download stops as soon as a fast one."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, ASK_AGAIN / 10))
            self.check()


class Gateway(ThreadingHTTPServer):
    """The server, with what its handlers share."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, accord: Accord, data: Path, rows_per_second: float) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.accord, self.data, self.rows_per_second = accord, data, rows_per_second


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
        batch = [first]
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
        content = json.dumps(body, ensure_ascii=False).encode()
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
        try:
            gateway.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
