"""Packs as documents: the tables that people write, in one archive whose hash names it.

The archive is a ZIP file (PKWARE's APPNOTE 6.3) with its files stored as they are, in the order of
their names, dated 1980-01-01: the same files always make the same bytes. Its SHA-256 is what an
adoption carries, and what ``sha256sum`` says of the file that is exported.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.pack import FILES, OWN
from policies.refusals import Code, RefusedError
from policies.rules import Pack, read_pack
from services.store.schema import pack_documents

DATED = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a ZIP file can hold."""


@dataclass(frozen=True)
class Document:
    """One version of a pack. A reading that comes with this software and that nobody has adopted
    is not `kept` yet; its `version` is what it would be."""

    pack: str
    version: int
    content: bytes
    kept: bool = True

    @property
    def sha256(self) -> str:
        """The hash of the archive, in hexadecimal digits."""
        return digest(self.content)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The tables, by the names of their files."""
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    @property
    def lines(self) -> Pack:
        """Its lines, read as strictly as any. Raises FaultsError."""
        return read_pack(self.files)


def digest(content: bytes) -> str:
    """The SHA-256 of an archive."""
    return hashlib.sha256(content).hexdigest()


def packed(files: Mapping[str, bytes]) -> bytes:
    """`files` as one archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, DATED)
            # As on Unix, a file that all may read, wherever it is made.
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            archive.writestr(info, files[name])
    return buffer.getvalue()


def stream_of(pack: str) -> str:
    """The stream of a pack: a body's own is called by it, a shipped one is named."""
    return pack if OWN.fullmatch(pack) else f"pack-{pack}"


def name_of(stream: str) -> str:
    """What a pack's stream is called outside; `stream_of` undone."""
    return stream if OWN.fullmatch(stream) else stream.removeprefix("pack-")


@cache
def shipped_names() -> tuple[str, ...]:
    """The packs that come with Accord."""
    folder = resources.files("policies").joinpath("packs")
    return tuple(sorted(each.name for each in folder.iterdir() if _tables(each.name)))


@cache
def shipped_content(pack: str) -> bytes:
    """The document of a pack that comes with Accord, as it reads in this one.

    Raises:
        RefusedError: there is none of that name.
    """
    files = _tables(pack) if pack in shipped_names() else {}
    if not files:
        raise RefusedError(Code.NOT_FOUND)
    return packed(files)


def _tables(pack: str) -> Mapping[str, bytes]:
    folder = resources.files("policies").joinpath("packs", pack)
    if not folder.is_dir():
        return {}
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name in FILES}


def kept(connection: Connection, pack: str, version: int, sha256: str) -> Document:
    """A version as it was kept. `sha256` is what the record says of it.

    Raises:
        RefusedError: what is there is not what was recorded; nothing may rest on it.
    """
    query = sa.select(pack_documents.c.content).where(
        pack_documents.c.pack == pack, pack_documents.c.version == version
    )
    content = connection.execute(query).scalar_one_or_none()
    if content is None or digest(bytes(content)) != sha256:
        raise RefusedError(Code.UNAVAILABLE)
    return Document(pack, version, bytes(content))


def keep(connection: Connection, document: Document, entry: str) -> None:
    """Keep `document` as that version of its pack; `entry` recorded it."""
    row = {
        "pack": document.pack,
        "version": document.version,
        "sha256": document.sha256,
        "content": document.content,
        "entry": entry,
    }
    connection.execute(sa.insert(pack_documents).values(row))
