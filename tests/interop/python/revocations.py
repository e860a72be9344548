import base64
import hashlib
import logging
import random
import threading
import time

from verify import download

PAGE = {"iat": int, "after": int, "to": int, "more": bool, "jwks": str, "ended": list}
ENTRY = {"u": int, "h": str, "epoch": int, "but": str, "rev": int}


class Revocations:
    """Follows the feed in the background. `url`: where this program reaches it, if not at the issuer's URL.
    `wait`: seconds, a third at most of the age that you accept."""

    def __init__(self, verifier, url=None, wait=25):
        self.verifier, self.url, self.wait = verifier, url or f"{verifier.issuer}/revocations", wait
        self.known, self.fresh_at = {}, float("-inf")  # known: (kind, digest) -> (number, until, but)
        threading.Thread(target=self.follow, daemon=True).start()

    def age(self):
        return time.monotonic() - self.fresh_at

    def refuses(self, claims):
        sid, jti, sub = (digest(f"{kind}:{claims[kind]}") for kind in ("sid", "jti", "sub"))
        epoch, _, but = self.known.get(("epoch", sub), (0, 0, ""))
        epoch = max(0 if but == sid else epoch, self.known.get(("epoch", ""), (0,))[0])
        ended = ("ended", sid) in self.known or ("ended", jti) in self.known or epoch > claims.get("epoch", 0)
        return ended or self.known.get(("rev", sub), (0,))[0] > claims.get("rev", 0)

    def follow(self):
        cursor, wait, newest, failures, all_at = 0, 0, (0, 0), 0, 0
        while True:
            try:
                asked_at = time.monotonic()
                if cursor == 0:
                    all_at = asked_at + random.uniform(240, 360)
                text, headers = download(f"{self.url}?after={cursor}&wait={wait}", wait + 10, 1 << 23)
                page = self.verifier.signed(text.decode(), "revocations+jwt", options={"verify_iat": False})
                self.learn(page, cursor)
                to, more, mark = page["to"], page["more"], (page["iat"], page["to"])
                is_news = to > cursor if more else mark > newest
                # After a restore of the database, and every five minutes, everything is read again, and added.
                read_all = to < cursor or not more and asked_at > all_at
                cursor, wait = 0 if read_all else to, 0 if read_all or more else self.wait
                pause = max(0, min(int(headers.get("Retry-After", 0)), 5))
                if not is_news and pause == 0:
                    raise ValueError("not newer than what is known")
                if is_news and not more:
                    newest, self.fresh_at = mark, asked_at
                failures = 0
            except Exception as failure:  # whatever it is, what is known stays known
                if failures == 0:
                    logging.warning("%s: %s", self.url, failure)
                pause = 60 if 404 in failure.args else min(5, 2**failures / 4) * random.uniform(0.5, 1)
                failures = min(failures + 1, 5)
            time.sleep(pause)

    def learn(self, page, cursor):
        is_page = PAGE.keys() <= page.keys() and fits(page, PAGE) and all(fits(entry, ENTRY) for entry in page["ended"])
        if not is_page or not 0 <= page["after"] <= min(cursor, page["to"]):
            raise ValueError("not a page of the feed")
        now = time.monotonic()
        known = {name: fact for name, fact in self.known.items() if fact[1] > now}
        for entry in page["ended"]:
            until = now + min(entry["u"] - page["iat"], 7200)
            for kind in entry.keys() & {"epoch", "rev"} or {"ended"}:
                name, fact = (kind, entry.get("h", "")), (entry.get(kind, 1), until, entry.get("but", ""))
                known[name] = max(fact, known.get(name, fact))  # the highest number wins
        self.known = known
        self.verifier.published(page["jwks"])


def fits(members, types):
    return all(type(value) is types.get(name, type(value)) for name, value in members.items())


def digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode().rstrip("=")
