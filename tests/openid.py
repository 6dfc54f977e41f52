"""A small, genuine OpenID provider: discovery, codes with PKCE, signed tokens, logout."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "minspnet", "a secret between provider and app"


class _Provider(ThreadingHTTPServer):
    """Knows some people, and vouches for whom the browser says it is."""

    daemon_threads = True

    def __init__(self, people: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.issuer = f"http://localhost:{self.server_address[1]}"
        self.people = people
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.codes: dict[str, dict[str, str]] = {}
        self.age = 0
        """Seconds for which each sign-in has been lying about already."""

    def token(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Give tokens for a code, once, to the client that it was made for."""
        asked = self.codes.pop(given["code"])
        digest = hashlib.sha256(given["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
        assert given["redirect_uri"] == asked["redirect_uri"]
        now = int(time.time()) - self.age
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": asked["as"],
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + self.age + 600,
        }
        header = {"alg": "RS256", "kid": "one"}
        return {
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": 600,
            "id_token": jwt.encode(header, claims | self.people[asked["as"]], self.key),
        }


class _Handler(BaseHTTPRequestHandler):
    server: _Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        issuer = self.server.issuer
        if parts.path == "/.well-known/openid-configuration":
            self._json(
                {
                    "issuer": issuer,
                    "authorization_endpoint": f"{issuer}/authorize",
                    "token_endpoint": f"{issuer}/token",
                    "jwks_uri": f"{issuer}/keys",
                    "end_session_endpoint": f"{issuer}/leave",
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                    "code_challenge_methods_supported": ["S256"],
                }
            )
        elif parts.path == "/keys":
            self._json({"keys": [self.server.key.as_dict(private=False)]})
        elif parts.path == "/authorize" and "as" not in given:
            links = "".join(
                f'<p><a href="{self.path}&as={quote(name)}">{name}</a></p>'
                for name in self.server.people
            )
            self._answer(200, f"<title>Provider</title><h1>Who are you?</h1>{links}".encode())
        elif parts.path == "/authorize":
            assert given["client_id"] == CLIENT
            code = secrets.token_urlsafe(16)
            self.server.codes[code] = given
            answer = urlencode({"code": code, "state": given["state"]})
            self._redirect(f"{given['redirect_uri']}?{answer}")
        elif parts.path == "/leave":
            self._redirect(given["post_logout_redirect_uri"])
        else:
            self._answer(404, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        given = {name: values[0] for name, values in parse_qs(body).items()}
        wanted = base64.b64encode(f"{quote(CLIENT)}:{quote(SECRET)}".encode()).decode()
        plain = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        assert self.headers["Authorization"] in (f"Basic {wanted}", f"Basic {plain}")
        self._json(self.server.token(given))

    def _redirect(self, address: str) -> None:
        self.send_response(302)
        self.send_header("Location", address)
        self.end_headers()

    def _json(self, said: Mapping[str, Any]) -> None:
        self._answer(200, json.dumps(said).encode(), "application/json")

    def _answer(self, status: int, content: bytes, kind: str = "text/html") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *given: object) -> None:
        """Say nothing."""


@contextmanager
def provider(people: Mapping[str, Mapping[str, Any]]) -> Iterator[_Provider]:
    """Run a provider that knows some people by what their tokens say of them."""
    running = _Provider(people)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield running
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


def secrets_toml(issuer: str, redirect: str) -> str:
    """What Streamlit has to know of the provider, as ``secrets.toml``."""
    return f"""
[auth]
redirect_uri = "{redirect}"
cookie_secret = "{secrets.token_hex(32)}"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
server_metadata_url = "{issuer}/.well-known/openid-configuration"
"""
