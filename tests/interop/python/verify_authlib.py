from authlib.oauth2.rfc6750.errors import InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc import jws
from joserfc.jwk import KeySet

from published import TEXTS, CannotVerify, PublishedKeys  # noqa: F401


class Verifier(JWTBearerTokenValidator):
    """RFC 9068 as Authlib has it, and what it leaves open: a token without a type, and one bound to a key."""

    def __init__(self, issuer, audience, keys_url, cooldown):
        super().__init__(issuer=issuer, resource_server=audience)
        self.keys = PublishedKeys(keys_url, cooldown, KeySet.import_key_set)

    def get_jwks(self):
        return self.keys.for_key_id(self.kid)

    def verify(self, token):
        header = jws.extract_compact(token.encode()).headers()
        if header.get("alg") != "RS256" or "typ" not in header:
            raise InvalidTokenError()
        self.kid = header.get("kid")
        claims = self.authenticate_token(token)
        self.validate_token(claims, [], None)
        if "cnf" in claims or not all(isinstance(claims.get(name), str) for name in TEXTS):
            raise InvalidTokenError()
        return claims
