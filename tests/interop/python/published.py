"""The published keys, for libraries that do not fetch them: verify.py does the same by itself."""

import http.client
import json
import re
import time

from verify import TEXTS, download  # noqa: F401


class CannotVerify(Exception):
    """No keys could be fetched yet: nothing can be said about the token."""


class PublishedKeys:
    def __init__(self, url, cooldown, parse):
        self.url, self.cooldown, self.parse = url, cooldown, parse
        self.keys, self.stale_at, self.next_try = None, 0, 0

    def for_key_id(self, kid):
        """The key set: fetched again when it is stale or does not know the key, at most once per cooldown."""
        knows = self.keys is not None and any(key.kid == kid for key in self.keys.keys)
        if time.monotonic() >= (self.next_try if not knows else max(self.next_try, self.stale_at)):
            self.fetch()
        if self.keys is None:
            raise CannotVerify(f"no keys from {self.url} yet")
        return self.keys

    def fetch(self):
        try:
            body, headers = download(self.url)
            keys = self.parse(json.loads(body))
            max_age = re.search(r"max-age=(\d+)", headers.get("Cache-Control", ""))
            self.keys, self.stale_at = keys, time.monotonic() + (int(max_age[1]) if max_age else 300)
        except (OSError, ValueError, http.client.HTTPException):
            pass  # The current ones stay.
        self.next_try = time.monotonic() + (self.cooldown if self.keys else min(self.cooldown, 1))
