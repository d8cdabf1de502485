"""Gateways' credentials: made once, shown once, kept only as a hash."""

from __future__ import annotations

import hashlib
import secrets


def new() -> str:
    """A credential of 32 random bytes, as text that fits into a header."""
    return secrets.token_urlsafe(32)


def hashed(credential: str) -> str:
    """What is kept of a credential: enough to know it again, useless to a thief. (No
    dictionary holds 32 random bytes; a plain hash is enough.)"""
    return hashlib.sha256(credential.encode()).hexdigest()
