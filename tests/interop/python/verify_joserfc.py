from joserfc import jws, jwt
from joserfc.errors import InvalidClaimError
from joserfc.jwk import KeySet

from published import TEXTS, CannotVerify, PublishedKeys  # noqa: F401

ESSENTIAL = {"essential": True}


class Verifier:
    def __init__(self, issuer, audience, keys_url, cooldown):
        self.keys = PublishedKeys(keys_url, cooldown, KeySet.import_key_set)
        others = {name: ESSENTIAL for name in ("exp", "iat", *TEXTS)}
        iss, aud = {**ESSENTIAL, "value": issuer}, {**ESSENTIAL, "value": audience}
        self.claims = jwt.JWTClaimsRegistry(leeway=5, iss=iss, aud=aud, **others)

    def verify(self, token):
        header = jws.extract_compact(token.encode()).headers()
        keys = self.keys.for_key_id(header.get("kid"))
        verified = jwt.decode(token, keys, algorithms=["RS256"])
        if str(verified.header.get("typ")).lower() not in ("at+jwt", "application/at+jwt"):
            raise InvalidClaimError("typ")
        self.claims.validate(verified.claims)
        for name in TEXTS:
            if not isinstance(verified.claims[name], str):
                raise InvalidClaimError(name)
        if "cnf" in verified.claims:
            raise InvalidClaimError("cnf")
        return verified.claims
