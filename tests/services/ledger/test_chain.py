"""Entries in bytes: canonical form, hashes, commitments and heads, against published vectors."""

import hashlib
import math
import struct
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.chain import (
    Head,
    Leaves,
    canonical,
    commitment,
    head_of,
    is_instant,
    leaf_hash,
    new_salt,
    read_object,
    utc_text,
    wrong_field,
)

# The leaves and tree roots that Certificate Transparency's reference implementation publishes for
# RFC 6962 (transparency-dev/merkle, testonly/constants.go).
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_heads_are_rfc_6962_roots(size: int) -> None:
    assert head_of(LEAVES[:size]) == Head(size, ROOTS[size])


def test_one_tree_gives_every_earlier_head_too() -> None:
    tree = Leaves()
    for leaf in LEAVES:
        tree.add(leaf)
    assert [tree.head(size).root for size in range(9)] == ROOTS
    with pytest.raises(ValueError, match="there are"):
        tree.head(9)


def test_a_tree_of_stored_hashes_has_the_same_head() -> None:
    tree = Leaves()
    for leaf in LEAVES:
        tree.add_hash(leaf_hash(leaf))
    assert tree.head().root == ROOTS[8]
    with pytest.raises(ValueError, match="32 bytes"):
        tree.add_hash(b"short")


def test_roots_follow_the_rfc_s_recursion_at_every_size() -> None:
    # Sizes on both sides of powers of two, where leftover subtrees are folded.
    hashes = [leaf_hash(str(n).encode()) for n in range(600)]

    def tree_hash(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return leaves[0]
        split = 1 << (len(leaves) - 1).bit_length() - 1
        left, right = tree_hash(leaves[:split]), tree_hash(leaves[split:])
        return hashlib.sha256(b"\x01" + left + right).digest()

    tree = Leaves()
    for digest in hashes:
        tree.add_hash(digest)
    for size in (*range(1, 20), 127, 128, 129, 255, 256, 257, 384, 511, 512, 513, 600):
        assert tree.head(size).root == tree_hash(hashes[:size]).hex()


def test_every_root_is_the_one_that_pymerkle_gives() -> None:
    from pymerkle import InmemoryTree

    tree, theirs = Leaves(), InmemoryTree(algorithm="sha256")
    for number in range(300):
        entry = str(number).encode()
        tree.add(entry)
        theirs.append_entry(entry)
        assert bytes.fromhex(tree.head().root) == theirs.get_root()


def test_a_leaf_hash_is_kept_apart_from_inner_nodes() -> None:
    assert leaf_hash(b"").hex() == ROOTS[1]
    assert leaf_hash(b"x") == hashlib.sha256(b"\x00x").digest()


def test_canonical_form_sorts_keys_by_utf_16_and_keeps_spelling() -> None:
    # The keys of RFC 8785 section 3.2.3, and its order for them.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\u00f6"]
    assert list(read_object(canonical(dict.fromkeys(keys, 0)))) == [
        "\r",
        "1",
        "\x80",
        "\u00f6",
        "\u20ac",
        "\U0001f600",
        "\ufb33",
    ]
    assert canonical({"b": "Māori ʻokina", "a": [1, None, True]}) == (
        '{"a":[1,null,true],"b":"Māori ʻokina"}'.encode()
    )


# RFC 8785 appendix B: the bits of a double, and how it is written.
@pytest.mark.parametrize(
    ("bits", "written"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
    ],
)
def test_numbers_are_written_as_rfc_8785_has_them(bits: str, written: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical({"n": number}) == b'{"n":' + written.encode() + b"}"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_what_was_written_reads_back_to_the_same_bytes(value: dict[str, Any]) -> None:
    written = canonical(value)
    assert canonical(read_object(written)) == written


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_every_object_is_written_as_the_library_writes_it(value: dict[str, Any]) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def test_every_character_is_written_as_the_library_writes_it() -> None:
    """One at a time and together, as a value; as a key the library alone writes most of them."""
    every = [chr(n) for n in range(0x110000) if not 0xD800 <= n < 0xE000]
    assert canonical({"every": every}) == rfc8785.dumps({"every": every})
    assert canonical({"all": "".join(every)}) == rfc8785.dumps({"all": "".join(every)})
    keys = dict.fromkeys(map(chr, range(128)), 2**53 - 1)
    assert canonical(keys) == rfc8785.dumps(keys)


@pytest.mark.parametrize(
    "value",
    [
        {"n": math.nan},
        {"n": math.inf},
        {"n": 2**53},
        {"n": -(2**53)},
        {1: "a key that is not text"},
        {"half a pair": "\ud800"},
        {"\ud800": "half a pair"},
        {"bytes": b"x"},
        {"a date": datetime(2026, 11, 23, tzinfo=UTC)},
        {"a set": {1}},
    ],
)
def test_what_is_not_json_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        canonical(value)


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(20_000):
        deep = {"d": deep}
    with pytest.raises(ValueError, match="too deeply"):
        canonical(deep)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"1",
        b"{",
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":' + b"[" * 200_000,
    ],
    ids=lambda data: data[:20].hex(),
)
def test_what_two_readers_could_understand_differently_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_object(data)


@pytest.mark.parametrize("digits", ["9007199254740993", "1.0", "-0", "1E3", "9" * 5000])
def test_another_spelling_of_a_number_is_not_canonical(digits: str) -> None:
    data = b'{"n":' + digits.encode() + b"}"
    found = read_object(data)
    if math.isinf(found["n"]):
        with pytest.raises(ValueError, match="inf"):
            canonical(found)
    else:
        assert canonical(found) != data


def test_a_commitment_is_hmac_sha_256_of_the_text_under_its_salt() -> None:
    # RFC 4231 gives no 32-byte key; this one is computed from the definition in RFC 2104.
    salt, content = bytes(range(32)), "kōrero".encode()
    key = salt.ljust(64, b"\x00")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + content).digest()
    outer = hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).hexdigest()
    assert commitment(salt, content) == outer
    for length in (0, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            commitment(bytes(length), content)


def test_salts_are_32_bytes_and_their_own() -> None:
    salts = {new_salt() for _ in range(100)}
    assert len(salts) == 100
    assert {len(salt) for salt in salts} == {32}


def test_a_head_reads_what_it_wrote_and_nothing_else() -> None:
    head = Head(8, ROOTS[8])
    assert Head.from_json(head.to_json()) == head
    for wrong in (
        None,
        {"size": 8},
        {"size": True, "root": ROOTS[8]},
        {"size": -1, "root": ROOTS[8]},
        {"size": 8, "root": ROOTS[8].upper()},
        {"size": 8, "root": ROOTS[8] + "\n"},
        {"size": 8, "root": 5},
        {"size": 8, "root": ROOTS[8], "more": 1},
    ):
        with pytest.raises(ValueError, match="head"):
            Head.from_json(wrong)


def test_an_instant_has_one_spelling() -> None:
    auckland = timezone(timedelta(hours=13))
    assert utc_text(datetime(2026, 11, 24, 1, 2, 3, tzinfo=auckland)) == (
        "2026-11-23T12:02:03.000000Z"
    )
    with pytest.raises(ValueError, match="time zone"):
        utc_text(datetime(2026, 11, 23))  # noqa: DTZ001  # the very thing that is refused
    assert is_instant("2026-11-23T01:02:03.456789Z")
    for wrong in (
        None,
        "2026-11-23T01:02:03Z",
        "2026-13-23T01:02:03.456789Z",
        "٢026-11-23T01:02:03.456789Z",
    ):
        assert not is_instant(wrong)


def test_the_wrong_field_is_named() -> None:
    entry: dict[str, Any] = {
        "id": "0b0e7a4e-7d0a-4a52-9c5c-2d6d0f4d8f10",
        "stream": "request-1",
        "sequence": 1,
        "command": "c",
        "cause": None,
        "actor": "system",
        "at": "2026-11-23T01:02:03.456789Z",
        "owner": "body",
        "authorisation": {},
        "events": [{"type": "submitted", "version": 1, "data": {}}],
        "commitments": {"t": "0" * 64},
        "prev": "0" * 64,
    }
    assert wrong_field(entry) is None
    assert wrong_field({**entry, "a field of a later version": 1}) is None
    for name, value in {
        "sequence": True,
        "cause": "",
        "at": "yesterday",
        "events": [{"type": "submitted"}],
        "commitments": {"t": "the words themselves"},
        "prev": None,
    }.items():
        assert wrong_field({**entry, name: value}) == name
        assert wrong_field({key: entry[key] for key in entry if key != name}) == name
