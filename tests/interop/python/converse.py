"""Reads tokens, a line each, and says what a verifier makes of them: `ok <subject>`, `refused <why>`, or
`unavailable <why>` when it cannot tell."""

import importlib
import sys

module, issuer, audience, cooldown, keys_url = sys.argv[1:]
module = importlib.import_module(module)
verifier = module.Verifier(issuer, audience, keys_url, float(cooldown))
for line in sys.stdin:
    try:
        print("ok", verifier.verify(line.rstrip("\n"))["sub"], flush=True)
    except module.CannotVerify as reason:
        print("unavailable", reason, flush=True)
    except Exception as refusal:
        print("refused", type(refusal).__name__, " ".join(str(refusal).split()), flush=True)
