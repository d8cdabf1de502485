"""What one ledger entry is in bytes, how it is hashed, and how many entries make one head.

An entry is a JSON object; `FIELDS` names what each must hold. Its bytes are its RFC 8785
canonical form, its hash is the RFC 6962 (section 2.1) leaf hash of those bytes, `prev` is the hash
of the entry before it in the same stream, and a head is the RFC 6962 tree root of the first `size`
entries in leaf order. Nothing here reads a clock, a file or a database.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import rfc8785

FIRST_PREV = "0" * 64
SALT_BYTES = 32
HEX_HASH = re.compile(r"[0-9a-f]{64}")

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
# RFC 8785 numbers are IEEE doubles: beyond this, two whole numbers can be the same double.
_EXACT_INTEGER = 2**53 - 1
_WRITER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def utc_text(instant: datetime) -> str:
    """The one spelling of an instant in the ledger: `2026-11-23T01:02:03.456789Z`.

    `instant` must know its time zone; it is turned to UTC.
    Raises ValueError for an instant without a time zone.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant in the ledger needs its time zone")
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def is_instant(value: object) -> bool:
    """Whether `value` is text in the spelling of `utc_text` and names a real instant."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def canonical(value: Mapping[str, Any]) -> bytes:
    """The bytes that are stored, exported and hashed: RFC 8785 canonical JSON, UTF-8.

    Raises ValueError for what RFC 8785 cannot write: NaN and infinities, whole numbers beyond
    ±(2^53 - 1), keys that are not text, text with half a surrogate pair, dates, bytes, sets.
    """
    try:
        if _plain(value):
            return _WRITER.encode(value).encode()
        return rfc8785.dumps(dict(value))
    except UnicodeEncodeError as error:
        raise ValueError("this holds text that UTF-8 cannot write") from error
    except RecursionError as error:
        raise ValueError("this value is nested too deeply") from error


def _plain(value: object) -> bool:
    """Whether Python's own writer, in C and many times faster, gives the bytes of RFC 8785: it
    differs in fractions, in the order of keys beyond ASCII, and takes what is no JSON. (Texts
    it escapes alike; tests compare the two.)"""
    kind = type(value)
    if kind is dict:
        held = cast("dict[object, object]", value)
        return all(type(key) is str and key.isascii() for key in held) and all(
            map(_plain, held.values())
        )
    if kind is list:
        return all(map(_plain, cast("list[object]", value)))
    if kind is int:
        return abs(cast("int", value)) <= _EXACT_INTEGER
    return kind is str or kind is bool or value is None


def read_object(data: bytes) -> dict[str, Any]:
    """Read one JSON object, refusing what two readers could understand differently.

    Repeated keys, NaN and infinities are refused. Whole numbers beyond ±(2^53 - 1) are read as
    doubles, as RFC 8785 has it, so that what `canonical` wrote is read back as it was.
    Whether `data` is canonical is for the caller to ask, with `canonical(read_object(data))`.
    Raises ValueError with a plain sentence.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_whole_number,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError as error:
        raise ValueError("this is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError("this is not JSON") from error
    except RecursionError as error:
        raise ValueError("this is nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("this is not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return found


def _whole_number(text: str) -> int | float:
    # Python refuses to read thousands of digits; as a double they are an infinity, which
    # `canonical` refuses in its turn.
    if len(text) <= 17 and abs(int(text)) <= _EXACT_INTEGER:
        return int(text)
    return float(text)


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")


def leaf_hash(canonical_bytes: bytes) -> bytes:
    """The 32-byte hash of one entry: RFC 6962 section 2.1, SHA-256 over 0x00 and the bytes."""
    return hashlib.sha256(b"\x00" + canonical_bytes).digest()


def new_salt() -> bytes:
    """A fresh salt for one text: 32 bytes from the system's secure source."""
    return secrets.token_bytes(SALT_BYTES)


def commitment(salt: bytes, content: bytes) -> str:
    """What an entry says about a text without holding it: HMAC-SHA-256(salt, content) in hex.

    `salt` is the text's own 32 bytes and `content` its bytes as stored. With the salt erased
    nobody can test a guess at the words against the commitment.
    Raises ValueError for a salt of another length.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt is {SALT_BYTES} bytes, not {len(salt)}")
    return hmac.new(salt, content, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Head:
    """The whole ledger in one line: how many entries are sequenced, and their root in hex.

    Whoever keeps a head can later tell that those entries were cut, changed or reordered.
    """

    size: int
    root: str

    def __post_init__(self) -> None:
        """Raises ValueError unless size is a count and root is 64 lower-case hex digits."""
        if type(self.size) is not int or self.size < 0:
            raise ValueError("a head's size is a whole number from 0")
        if not isinstance(self.root, str) or not HEX_HASH.fullmatch(self.root):
            raise ValueError("a head's root is 64 lower-case hex digits")

    def to_json(self) -> dict[str, Any]:
        """The head as the export format and the API write it."""
        return {"size": self.size, "root": self.root}

    @classmethod
    def from_json(cls, value: object) -> "Head":
        """Read what `to_json` wrote. Raises ValueError for anything else."""
        if not isinstance(value, dict) or set(value) != {"size", "root"}:
            raise ValueError("a head holds size and root, and nothing else")
        return cls(value["size"], value["root"])


class Leaves:
    """An RFC 6962 tree that holds 32 bytes for each entry and never the entry itself."""

    def __init__(self) -> None:
        """An empty tree."""
        self._digests = bytearray()

    def add(self, canonical_bytes: bytes) -> None:
        """Append one entry by its canonical bytes, in leaf order."""
        self._digests += leaf_hash(canonical_bytes)

    def add_hash(self, digest: bytes) -> None:
        """Append one entry by its 32-byte leaf hash. Raises ValueError for another length."""
        if len(digest) != 32:
            raise ValueError(f"a leaf hash is 32 bytes, not {len(digest)}")
        self._digests += digest

    def head(self, size: int | None = None) -> Head:
        """The head of the first `size` entries, or of all. Raises ValueError beyond the end."""
        held = len(self._digests) // 32
        size = held if size is None else size
        if not 0 <= size <= held:
            raise ValueError(f"there are {held} entries, not {size}")
        return Head(size, self._root(size).hex())

    def _root(self, size: int) -> bytes:
        """The Merkle tree hash of RFC 6962, section 2.1, without its recursion: perfect
        subtrees are merged as soon as two stand side by side, and what is left over is
        folded from the right. (Our own lines: the kept library for this, pymerkle, is under
        the GPL; tests compare every root with its.)"""
        subtrees: list[tuple[int, bytes]] = []
        for start in range(0, size * 32, 32):
            height, digest = 0, bytes(self._digests[start : start + 32])
            while subtrees and subtrees[-1][0] == height:
                digest = _node(subtrees.pop()[1], digest)
                height += 1
            subtrees.append((height, digest))
        if not subtrees:
            return hashlib.sha256().digest()
        root = subtrees.pop()[1]
        while subtrees:
            root = _node(subtrees.pop()[1], root)
        return root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def head_of(leaves: Iterable[bytes]) -> Head:
    """The head of entries given as canonical bytes, in leaf order; read once, never held."""
    tree = Leaves()
    for canonical_bytes in leaves:
        tree.add(canonical_bytes)
    return tree.head()


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_count(value: object) -> bool:
    # A bool is an int to Python, and `1.0` is read as a float: neither is a count.
    return type(value) is int and value >= 1


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and HEX_HASH.fullmatch(value) is not None


def _is_event(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"type", "version", "data"}
        and _is_text(value["type"])
        and _is_count(value["version"])
        and isinstance(value["data"], dict)
    )


FIELDS = {
    "id": _is_text,
    "stream": _is_text,
    "sequence": _is_count,
    "command": _is_text,
    "cause": lambda value: value is None or _is_text(value),
    "actor": _is_text,
    "at": is_instant,
    "owner": _is_text,
    "authorisation": lambda value: isinstance(value, dict),
    "events": lambda value: isinstance(value, list) and all(map(_is_event, value)),
    "commitments": lambda value: isinstance(value, dict) and all(map(_is_hash, value.values())),
    "prev": _is_hash,
}


def wrong_field(entry: Mapping[str, Any]) -> str | None:
    """The first field of an entry that is missing or not what `FIELDS` asks, or None.

    Fields beyond these are allowed: they are hashed with the rest, and a later version may
    need them.
    """
    for name, holds in FIELDS.items():
        if name not in entry or not holds(entry[name]):
            return name
    return None
