import http.client
import json
import logging
import re
import socket
import threading
import time
import urllib.parse

import jwt  # PyJWT[crypto], 2.4 or newer

TEXTS = ["sub", "client_id", "jti", "sid", "scope"]
REQUIRED = ["iss", "aud", "exp", "iat", *TEXTS]


class CannotVerify(Exception):
    """No keys could be fetched yet: nothing can be said about the token. Answer 503, not 401."""


class Verifier:
    """Fetches nothing before the first token. `keys_url`: where this program reaches the keys, if not at the issuer's URL."""

    def __init__(self, issuer, audience, keys_url=None, cooldown=10):
        self.issuer, self.rules = issuer, {"audience": audience, "leeway": 5, "options": {"require": REQUIRED}}
        self.url = keys_url or f"{issuer}/.well-known/jwks.json"
        self.keys, self.etag, self.lock, self.cooldown = {}, "", threading.Lock(), cooldown
        self.stale_at = self.next_try = 0

    def verify(self, token):
        """The claims of a good access token; jwt.PyJWTError for a bad one (401), CannotVerify without keys (503)."""
        claims = self.signed(token, "at+jwt", **self.rules)
        if not all(isinstance(claims[name], str) for name in TEXTS):
            raise jwt.InvalidTokenError("a claim is not a string")
        if "cnf" in claims:
            raise jwt.InvalidTokenError("bound to its holder's key, which is not checked here")
        return claims

    def signed(self, token, typ, **rules):
        """The claims of what the issuer has signed, if it is of this type."""
        header = jwt.get_unverified_header(token)
        if str(header.get("typ")).lower() not in (typ, f"application/{typ}") or "crit" in header:
            raise jwt.InvalidTokenError(f"not of the type {typ}")
        return jwt.decode(token, self.key(header.get("kid")), algorithms=["RS256"], issuer=self.issuer, **rules)

    def published(self, etag):
        """What the revocation feed says is published now: other keys than these are fetched, once per cooldown."""
        with self.lock:
            if self.etag and self.etag != etag:
                self.stale_at = 0
                if time.monotonic() >= self.next_try:
                    self.fetch()

    def key(self, kid):
        # One thread fetches at a time. Callers that have the key, even an old one, go on with it meanwhile.
        due = kid not in self.keys or time.monotonic() >= self.stale_at
        if due and self.lock.acquire(blocking=kid not in self.keys):
            try:
                if time.monotonic() >= self.next_try and (kid not in self.keys or time.monotonic() >= self.stale_at):
                    self.fetch()
            finally:
                self.lock.release()
        if not self.keys:
            raise CannotVerify(f"no keys from {self.url} yet")
        if kid not in self.keys:
            raise jwt.InvalidTokenError("an unknown key")
        return self.keys[kid]

    def fetch(self):
        """For as long as the answer says. If it fails, the current keys stay."""
        try:
            body, headers = download(self.url)
            published = json.loads(body)["keys"]
            max_age = re.search(r"max-age=(\d+)", headers.get("Cache-Control", ""))
            age = int(headers.get("Age", 0))
            usable = [key for key in published if (key["kty"], key.get("use"), key.get("alg")) == ("RSA", "sig", "RS256")]
            keys = {key["kid"]: jwt.PyJWK(key).key for key in usable}
            if not keys:
                raise ValueError("no usable key")
            self.keys, self.stale_at = keys, time.monotonic() + (int(max_age[1]) if max_age else 300) - age
            self.etag = headers.get("ETag", "").removeprefix("W/")
        except Exception as failure:
            logging.warning("no new keys from %s: %s", self.url, failure)
        self.next_try = time.monotonic() + (self.cooldown if self.keys else min(self.cooldown, 1))


def download(url, seconds=5, limit=1 << 18):
    """A published document, and its headers. It gives up after that many seconds, even if bytes keep trickling in."""
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=seconds)
    connection.connect()
    # A socket's timeout starts again with each byte.
    deadline = threading.Timer(seconds, connection.sock.shutdown, [socket.SHUT_RDWR])
    deadline.daemon = True
    deadline.start()
    try:
        connection.request("GET", f"{parts.path}?{parts.query}".rstrip("?"))
        answer = connection.getresponse()
        body = answer.read(limit + 1)
    finally:
        deadline.cancel()
        connection.close()
    if answer.status != 200 or len(body) > limit:
        raise ValueError(answer.status, f"{len(body)} bytes")
    return body, answer.headers
