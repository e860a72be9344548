"""Reads tokens, a line each, and says what a verifier makes of them: `ok <subject>` or `refused <why>`."""

import importlib
import sys

module, issuer, audience, cooldown = sys.argv[1:]
verifier = importlib.import_module(module).Verifier(issuer, audience, float(cooldown))
for line in sys.stdin:
    try:
        print("ok", verifier.verify(line.rstrip("\n"))["sub"], flush=True)
    except Exception as refusal:
        print("refused", type(refusal).__name__, " ".join(str(refusal).split()), flush=True)
