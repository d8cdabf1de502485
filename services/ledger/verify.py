"""Check an exported ledger without trusting it: everything that can be computed again is.

An export proves itself against small changes. It cannot prove by itself that its end was not cut
off, or that it was not made anew from end to end: for that, keep an earlier head and give it here.
"""

import hmac
from collections.abc import Iterable, Mapping
from typing import Any

from services.ledger.chain import Head, commitment, read_object
from services.ledger.checks import Check, Problem, Report
from services.ledger.export import FORMAT

__all__ = ["Problem", "Report", "commitment_matches", "head_from_export", "verify"]


def verify(lines: Iterable[bytes], earlier: Head | None = None) -> Report:
    """Check an export of format `accord-ledger/1`, line by line, and name the first bad entry.

    `lines` are the file's lines, each with or without its LF: an open binary file will do.
    `earlier` is a head kept from before, on paper or from `head_from_export`; a body's export
    cannot be checked against one and is then not verified. Bad content never raises.
    Memory: about 0.3 kB an entry, whatever the entries' size.
    """
    check = Check()
    number = 0
    for number, line in enumerate(lines, start=1):
        check.line_number = number
        data = line.removesuffix(b"\n")
        if number == 1:
            check.opening(data)
            if check.scope is None:
                # Without a known format, no rule says what the other lines mean.
                return check.report()
        else:
            check.following(data)
    if number == 0:
        check.line_number = 1
        check.problem("The file is empty.")
        return check.report()
    if not check.closed:
        check.line_number = number + 1
        check.problem("The closing line is missing: the file was cut short.")
    if earlier is not None:
        check.against(earlier)
    return check.report(compared=earlier is not None)


def head_from_export(lines: Iterable[bytes]) -> Head:
    """The head that an export claims in its closing line, for use as `earlier`.

    It is only as good as the file: verify that one first, or keep it where nobody else writes.
    Raises ValueError if the file has no opening or no closing line of this format.
    """
    first = last = b""
    for number, line in enumerate(lines):
        last = line
        if number == 0:
            first = line
    if read_object(first).get("format") != FORMAT:
        raise ValueError(f"this file is not of format {FORMAT}")
    closing = read_object(last)
    if "head" not in closing:
        raise ValueError("this export has no closing line: it was cut short")
    return Head.from_json(closing["head"])


def commitment_matches(entry: Mapping[str, Any], text_id: str, salt: bytes, content: bytes) -> bool:
    """Whether these are the words that the entry committed to under `text_id`.

    `salt` is the text's 32 bytes, `content` its bytes as stored. False also when the entry commits
    to no such text. Raises ValueError for a salt of another length.
    """
    found = entry.get("commitments", {}).get(text_id)
    computed = commitment(salt, content)
    return isinstance(found, str) and hmac.compare_digest(found.encode(), computed.encode())
