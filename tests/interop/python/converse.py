"""Reads tokens, a line each, and says what a verifier makes of them: `ok <subject>`, `refused <why>`, or
`unavailable <why>` when it cannot tell. With the address of a revocation feed, it follows that too: what has ended is
`refused ended`, and `age` is answered with the feed's, in seconds."""

import importlib
import sys

module, issuer, audience, cooldown, keys_url, *feed = sys.argv[1:]
module = importlib.import_module(module)
verifier = module.Verifier(issuer, audience, keys_url, float(cooldown))
revocations = importlib.import_module("revocations").Revocations(verifier, *feed) if feed else None
for line in sys.stdin:
    try:
        if line == "age\n":
            print("age", revocations.age(), flush=True)
            continue
        claims = verifier.verify(line.rstrip("\n"))
        print(*["refused", "ended"] if feed and revocations.refuses(claims) else ["ok", claims["sub"]], flush=True)
    except module.CannotVerify as reason:
        print("unavailable", reason, flush=True)
    except Exception as refusal:
        print("refused", type(refusal).__name__, " ".join(str(refusal).split()), flush=True)
