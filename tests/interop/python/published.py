"""The published keys, for libraries that do not fetch them."""

import json
import time
import urllib.request


def fetched(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


class PublishedKeys:
    def __init__(self, issuer, cooldown, parse):
        metadata = fetched(f"{issuer}/.well-known/oauth-authorization-server")
        if metadata["issuer"] != issuer:
            raise ValueError("these are another issuer's metadata")
        self.url, self.cooldown, self.parse = metadata["jwks_uri"], cooldown, parse
        self.fetch()

    def fetch(self):
        self.asked = time.monotonic()
        self.keys = self.parse(fetched(self.url))

    def for_key_id(self, kid):
        """The key set, fetched again if it does not know the key: at most once per cooldown."""
        knows = any(key.kid == kid for key in self.keys.keys)
        if not knows and time.monotonic() - self.asked >= self.cooldown:
            self.fetch()
        return self.keys
