"""OAuth 1.0 (RFC 5849, section 3) with a body hash: the ``Authorization`` header of one request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Iterable, Optional, Tuple
from urllib.parse import parse_qsl, quote, urlsplit

Pairs = Iterable[Tuple[str, str]]

_HASHES = {"HMAC-SHA256": "sha256", "HMAC-SHA1": "sha1", "HMAC-SHA512": "sha512"}
METHODS = tuple(_HASHES)


def encode(text: str) -> str:
    """Percent-encoding as in section 3.6."""
    return quote(text, safe="~")


def base_string(method: str, url: str, oauth: Pairs, query: str = "") -> str:
    """Section 3.4.1. A body that is no form has no parameters; its hash is one of ``oauth``."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{parts.port}"
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    base = f"{parts.scheme}://{host}{port}{parts.path or '/'}"
    pairs = list(oauth) + parse_qsl(query, keep_blank_values=True)
    listed = sorted((encode(name), encode(value)) for name, value in pairs)
    return "&".join((method.upper(), encode(base), encode("&".join(f"{name}={value}" for name, value in listed))))


@dataclass(frozen=True)
class Credentials:
    """Who signs: a consumer alone, or on behalf of the user that a token belongs to."""

    key: str
    secret: str
    token: Optional[str] = None
    token_secret: Optional[str] = None
    signature_method: str = "HMAC-SHA256"

    def __post_init__(self) -> None:
        if not self.key or not self.secret:
            raise ValueError("a consumer has a key and a secret")
        if (self.token is None) != (self.token_secret is None):
            raise ValueError("a token comes with its secret")
        if self.signature_method not in _HASHES:
            raise ValueError(f"the signature method is one of {', '.join(METHODS)}")

    def __repr__(self) -> str:
        return f"Credentials(key={self.key!r}, token={self.token!r})"

    def header(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        query: str = "",
        *,
        timestamp: Optional[int] = None,
        nonce: Optional[str] = None,
    ) -> str:
        """The header for one request: each call has a nonce of its own and is good once."""
        algorithm = _HASHES[self.signature_method]
        oauth = {
            "oauth_consumer_key": self.key,
            "oauth_nonce": nonce or secrets.token_urlsafe(18),
            "oauth_signature_method": self.signature_method,
            "oauth_timestamp": str(int(time.time()) if timestamp is None else timestamp),
            "oauth_version": "1.0",
        }
        if self.token is not None:
            oauth["oauth_token"] = self.token
        if body:
            oauth["oauth_body_hash"] = base64.b64encode(hashlib.new(algorithm, body).digest()).decode()
        key = f"{encode(self.secret)}&{encode(self.token_secret or '')}".encode()
        text = base_string(method, url, oauth.items(), query).encode()
        oauth["oauth_signature"] = base64.b64encode(hmac.new(key, text, algorithm).digest()).decode()
        return "OAuth " + ", ".join(f'{name}="{encode(value)}"' for name, value in oauth.items())
