"""Keys that a home makes for itself, each in a file that its owner alone can read."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

BYTES = 48


def kept(file: Path) -> bytes:
    """The key in `file`; made, readable by its owner alone, when the file is missing."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        made = file.with_suffix(".new-" + secrets.token_hex(4))
        made.touch(mode=0o600)
        made.write_bytes(secrets.token_bytes(BYTES))
        try:
            # Another process may have been first: its key is the one that counts.
            file.hardlink_to(made)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return file.read_bytes()


class DeploymentKey:
    """What Accord knows again by it: typed addresses, links in the mail, sign-ins under way.

    Whoever reads the database alone can neither test an address nor make a link. A home that
    lost its key makes a new one: sign-ins under way begin again, and the stored addresses are
    looked up under it from the next `accord up` or `accord migrate` (`known.rekey`).
    """

    def __init__(self, home: Path) -> None:
        """`home` is the deployment's folder; nothing is read or made yet."""
        self._file = home / "deployment.key"
        self._key: bytes | None = None

    def code(self, purpose: str, message: str) -> str:
        """The HMAC-SHA-256 of `message` (64 hex digits), under a key of this purpose's own."""
        return hmac.new(self.derived(purpose), message.encode(), hashlib.sha256).hexdigest()

    def derived(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose; nothing can be told from one about another."""
        if self._key is None:
            self._key = kept(self._file)
        return hmac.new(self._key, purpose.encode(), hashlib.sha256).digest()
