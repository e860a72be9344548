"""A mail server, aiosmtpd, that lets one user log in. `port` prints where it listens, `mail` the next mail as JSON."""

import json
import queue
import sys
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

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


controller = Controller(
    Handler(), hostname="127.0.0.1", port=0, authenticator=authenticate, auth_required=True, auth_require_tls=False
)
controller.start()
for line in sys.stdin:
    if line.strip() == "port":
        print("port", controller.server.sockets[0].getsockname()[1], flush=True)
    else:
        print("mail", json.dumps(received.get(timeout=30)), flush=True)
