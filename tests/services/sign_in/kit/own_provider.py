"""A small OpenID Connect provider of our own, over real HTTP: it asks nobody for anything, and
can be told to be wrong in one way at a time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

Json = dict[str, Any]
CLIENT, SECRET = "accord at home", "a secret: with % and ī"


class OwnProvider:
    """The provider. Its attributes say what it says, and may be changed at any time."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.issuer = f"http://127.0.0.1:{port}"
        self.asked: list[Json] = []
        """What browsers came with."""
        self.fetched: dict[str, int] = {}
        """How often each address was asked for."""
        self.be_right()
        self.rotate()
        self._codes: dict[str, Json] = {}
        self._server: ThreadingHTTPServer | None = None

    def be_right(self, skew: float = 0.0) -> None:
        """Say what is right in everything."""
        self.subject = "somebody"
        self.claims: Json = {"name": "Hinemoana Ōtāhuhu ʻOfa"}
        """What else the ID token says; None leaves a claim out."""
        self.userinfo: Json = {}
        self.metadata: Json = {}
        self.answer: Json = {}
        """What the browser brings back, in place of what it should."""
        self.skew = skew
        """How many seconds its clock is ahead of ours."""
        self.signed_in_before = 0.0
        """How many seconds ago its own session began, where it is not asked to begin anew."""
        self.reauthenticates = True
        self.status = 200
        """What everything but the pages for browsers is answered with."""
        self.delay = 0.0
        """How many seconds it thinks before it answers."""
        self.checks_reuse = True
        self.alg = "RS256"
        self.client_says = "basic"
        """How Accord has to say who it is: in a header, in the form (post), or without a secret
        (none)."""

    def rotate(self, *, show: bool = True, kid: str | None = None) -> None:
        """Sign with a new key from now on."""
        self.key = RSAKey.generate_key(2048, {"kid": kid or secrets.token_hex(4), "use": "sig"})
        if show:
            self.keys_shown = KeySet([self.key])

    def start(self) -> OwnProvider:
        """Answer, until `stop`; whoever answers already goes on."""
        if self._server is not None:
            return self
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._get(self)

            def do_POST(self) -> None:
                provider._post(self)

            def log_message(self, *_: Any) -> None:
                pass

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Answer no more: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _get(self, handler: BaseHTTPRequestHandler) -> None:
        place = urlsplit(handler.path)
        self.fetched[place.path] = self.fetched.get(place.path, 0) + 1
        if place.path == "/authorize":
            self._authorize(handler, {k: v[0] for k, v in parse_qs(place.query).items()})
        elif place.path == "/.well-known/openid-configuration":
            at = self.issuer
            usual = {
                "issuer": at,
                "authorization_endpoint": f"{at}/authorize",
                "token_endpoint": f"{at}/token",
                "jwks_uri": f"{at}/keys",
                "userinfo_endpoint": f"{at}/userinfo",
                "code_challenge_methods_supported": ["S256"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
            self._say(handler, usual | self.metadata)
        elif place.path == "/keys":
            self._say(handler, self.keys_shown.as_dict(private=False))
        elif place.path == "/userinfo":
            self._say(handler, self.userinfo)
        else:
            self._say(handler, {}, 404)

    def _authorize(self, handler: BaseHTTPRequestHandler, asked: Json) -> None:
        self.asked.append(asked)
        back: Json = {"state": asked["state"]}
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            back["error"] = "invalid_request"
        else:
            code = secrets.token_urlsafe(16)
            anew = asked.get("prompt") == "login" and self.reauthenticates
            since = 0.0 if anew else self.signed_in_before
            self._codes[code] = {**asked, "auth_time": int(time.time() + self.skew - since)}
            back["code"] = code
        back = {k: v for k, v in (back | self.answer).items() if v is not None}
        handler.send_response(302)
        handler.send_header("Location", f"{asked['redirect_uri']}?{urlencode(back)}")
        handler.end_headers()

    def _post(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers["Content-Length"])
        sent = {k: v[0] for k, v in parse_qs(handler.rfile.read(length).decode()).items()}
        self.fetched["/token"] = self.fetched.get("/token", 0) + 1
        code = sent.get("code", "")
        asked = self._codes.pop(code, None) if self.checks_reuse else self._codes.get(code)
        challenge = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        right = (
            asked is not None
            and asked["code_challenge"] == base64.urlsafe_b64encode(challenge).decode().rstrip("=")
            and asked["redirect_uri"] == sent.get("redirect_uri")
            and self._is_client(handler.headers.get("Authorization"), sent)
        )
        if not right:
            self._say(handler, {"error": "invalid_grant"}, 400)
            return
        assert asked is not None
        self._say(
            handler,
            {
                "access_token": secrets.token_urlsafe(8),
                "token_type": "Bearer",
                "id_token": self._id_token(asked),
            },
        )

    def _is_client(self, header: str | None, sent: Json) -> bool:
        named = (header, sent.get("client_id"), sent.get("client_secret"))
        return (
            named
            == {
                "basic": (_basic(CLIENT, SECRET), None, None),
                "post": (None, CLIENT, SECRET),
                "none": (None, CLIENT, None),
            }[self.client_says]
        )

    def _id_token(self, asked: Json) -> str:
        now = int(time.time() + self.skew)
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "auth_time": asked["auth_time"],
            **self.claims,
        }
        said = {k: v for k, v in claims.items() if v is not None}
        if self.alg in ("none", "HS256"):
            head = {"alg": self.alg, "kid": self.key.kid}
            signed = ".".join(_b64(json.dumps(each).encode()) for each in (head, said))
            # The public key as a shared secret: what a reader takes that goes by the head alone.
            code = hmac.digest(self.key.as_pem(private=False), signed.encode(), "sha256")
            return f"{signed}.{_b64(code) if self.alg == 'HS256' else ''}"
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, said, self.key, ["RS256"])

    def _say(self, handler: BaseHTTPRequestHandler, said: Json, status: int = 200) -> None:
        content = json.dumps(said).encode()
        time.sleep(self.delay)
        handler.send_response(status if self.status == 200 else self.status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _basic(client: str, secret: str) -> str:
    """As RFC 6749, section 2.3.1 has it: each part is form-encoded first."""
    quoted = ":".join(urlencode({"": each})[1:] for each in (client, secret))
    return "Basic " + base64.b64encode(quoted.encode()).decode()
