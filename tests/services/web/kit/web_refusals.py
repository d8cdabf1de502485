"""What a refusal must be: one clear sentence, nothing of what was sent, and nothing changed."""

from __future__ import annotations

import json
import sqlite3

import httpx
from stack import Json, Stack
from web_bad import PLANTED

TABLES = {
    "entries": "id",
    "drafts": "id, version, content",
    "gateways": "id",
    "persons": "id",
    "emails": "lookup",
    "rules": "id",
    "outbox": "id",
    "read_backs": "code_hash",
    "claims": "claim, subject",
    "searches": "id",
    "wishes": "item, wishes",
    "disputes": "dispute",
    "request_bodies": "request, body",
}


def kept(stack: Stack) -> Json:
    """Everything that bad input could have changed."""
    with sqlite3.connect(f"file:{stack.home / 'accord.db'}?mode=ro", uri=True) as connection:
        return {
            table: connection.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2").fetchall()
            if "," in columns
            else connection.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall()
            for table, columns in TABLES.items()
        }


def refusal(answer: httpx.Response, *statuses: int) -> Json:
    """The answer is a problem, in a clear sentence, that says nothing of what was sent."""
    assert answer.status_code in statuses, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    said: Json = answer.json()
    assert said["status"] == answer.status_code
    for sentence in (said["title"], *(each["sentence"] for each in said.get("fields", []))):
        assert 0 < len(sentence.split()) <= 25, sentence
        assert sentence[0].isupper() or sentence[0].isdigit()
        assert sentence.endswith("."), sentence
    assert PLANTED.lower() not in answer.text.lower()
    assert PLANTED not in json.dumps(said, ensure_ascii=False)
    return said
