import json
import urllib.request

import jwt  # PyJWT[crypto]

REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid", "scope"]


class Verifier:
    def __init__(self, issuer, audience, cooldown=10):
        metadata_url = f"{issuer}/.well-known/oauth-authorization-server"
        with urllib.request.urlopen(metadata_url, timeout=5) as answer:
            metadata = json.load(answer)
        if metadata["issuer"] != issuer:
            raise ValueError("these are another issuer's metadata")
        self.rules = {"issuer": issuer, "audience": audience, "leeway": 5, "options": {"require": REQUIRED}}
        # Keys are fetched again after `lifespan`, and once per `cooldown` for a key id that is not known.
        self.keys = jwt.PyJWKClient(metadata["jwks_uri"], lifespan=300, timeout=5, cooldown_duration=cooldown)

    def verify(self, token):
        """The claims of a good access token; anything else raises jwt.PyJWTError."""
        header = jwt.get_unverified_header(token)
        if str(header.get("typ")).lower() not in ("at+jwt", "application/at+jwt"):
            raise jwt.InvalidTokenError("not an access token")
        key = self.keys.get_signing_key(header.get("kid"))
        claims = jwt.decode(token, key, algorithms=["RS256"], **self.rules)
        if "cnf" in claims:
            raise jwt.InvalidTokenError("bound to a key of its holder, which is not checked here")
        return claims
