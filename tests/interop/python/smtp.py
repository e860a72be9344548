"""A mail server, aiosmtpd, that lets one user log in. `port` prints where it listens, `mail` the next mail as JSON."""

import asyncio
import json
import queue
import sys
import threading
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult

received = queue.Queue()


class Handler:
    async def handle_DATA(self, server, session, envelope):
        message = message_from_bytes(envelope.content, policy=policy.default)
        parts = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
        received.put({
            "user": session.auth_data,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "sender": str(message["From"]),
            "subject": str(message["Subject"]),
            "text": parts.get("text/plain", ""),
            "html": parts.get("text/html", ""),
            "defects": [str(defect) for part in message.walk() for defect in part.defects],
        })
        return "250 taken"


def authenticate(server, session, envelope, mechanism, given):
    known = given.login == b"jeton" and given.password == b"p@ss:word"
    return AuthResult(success=known, handled=True, auth_data=given.login.decode() if known else None)


def serve(loop):
    asyncio.set_event_loop(loop)
    loop.run_forever()


loop = asyncio.new_event_loop()
server = loop.run_until_complete(loop.create_server(
    lambda: SMTP(Handler(), authenticator=authenticate, auth_required=True, auth_require_tls=False), "127.0.0.1", 0
))
threading.Thread(target=serve, args=[loop], daemon=True).start()
for line in sys.stdin:
    if line.strip() == "port":
        print("port", server.sockets[0].getsockname()[1], flush=True)
    else:
        print("mail", json.dumps(received.get(timeout=30)), flush=True)
