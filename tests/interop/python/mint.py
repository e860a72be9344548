"""Reads wishes, a line of JSON each, and mints them: `token <token>`, or `refused <why>`."""

import base64
import json
import sys
import warnings

import authlib.deprecate
import jwt
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey

# The libraries rightly warn of what is done here. Authlib's JOSE is deprecated, and still what many use.
warnings.simplefilter("ignore")
from authlib.jose import JsonWebToken


def with_pyjwt(alg, key, header, claims):
    return jwt.encode(claims, key, alg, headers=header)


def with_joserfc(alg, key, header, claims):
    kinds = {"RS256": RSAKey, "HS256": OctKey, "none": OctKey}
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    key = kinds[alg].import_key(key or b"none")
    return jws.serialize_compact(header, json.dumps(claims), key, registry=registry)


def with_authlib(alg, key, header, claims):
    return JsonWebToken([alg]).encode(header, claims, key or "", check=False).decode()


mint = {"pyjwt": with_pyjwt, "joserfc": with_joserfc, "authlib": with_authlib}[sys.argv[1]]
for line in sys.stdin:
    wish = json.loads(line)
    alg, key = wish["header"]["alg"], wish["key"]
    key = {"RS256": lambda: key, "HS256": lambda: base64.b64decode(key), "none": lambda: None}[alg]()
    try:
        print("token", mint(alg, key, wish["header"], wish["claims"]), flush=True)
    except Exception as refusal:
        print("refused", type(refusal).__name__, " ".join(str(refusal).split()), flush=True)
