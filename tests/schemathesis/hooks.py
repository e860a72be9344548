"""Who calls: schemathesis itself knows no passwords, and would end its own sessions.

`JETON_AS` is `admin` or `nobody`. The other variables are set by `cargo xtask schemathesis`.
"""

import itertools
import os

import requests
import schemathesis

AUTH = os.environ["JETON_AUTH_URL"]
ADMIN = {"email": os.environ["JETON_ADMIN_EMAIL"], "password": os.environ["JETON_ADMIN_PASSWORD"]}
PASSWORD = "correct horse battery"
# The account of the document's examples, so that they are right.
ADA = {"email": "ada@example.com", "password": PASSWORD}

# These end sessions, or lead there: each call gets a new session, of a user that is not missed.
DESTRUCTIVE = {"logout_all", "end_session", "change_password", "delete_me"}
OF_OTHERS = {"change_user", "delete_user", "end_sessions_of_user"}
REFRESHING = {"refresh", "logout"}

@schemathesis.deserializer("application/json")
def json_or_jwt(_context, response):
    """application/jwt is a text, and schemathesis takes it for a kind of JSON."""
    kind = response.headers.get("content-type", [""])[0]
    return response.content.decode("ascii") if kind == "application/jwt" else response.json()


numbers = itertools.count(1)
turns = itertools.count(1)


def address():
    """An address that no other call has: failed logins are throttled by address."""
    number = next(numbers)
    return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


def post(path, body):
    return requests.post(AUTH + path, json=body, headers=address(), timeout=10)


def login(who, transport="body"):
    answer = post("/auth/login", {**who, "transport": transport})
    answer.raise_for_status()
    return answer


def fresh_email():
    return f"{os.environ['JETON_AS']}-{next(numbers)}@example.org"


def newcomer():
    who = {"email": fresh_email(), "password": PASSWORD}
    answer = post("/auth/register", who)
    answer.raise_for_status()
    return who, answer.json()["id"]


def name_of(case):
    return case.operation.definition.raw.get("operationId")


def user_of(answer):
    token = {"Authorization": "Bearer " + answer.json()["access_token"]}
    return requests.get(AUTH + "/auth/me", headers=token, timeout=10).json()["id"]


class Bearer:
    def __init__(self):
        self.admin = login(ADMIN).json()["access_token"]

    def get(self, case, context):
        if name_of(case) in DESTRUCTIVE:
            return login(newcomer()[0]).json()["access_token"]
        return self.admin

    def set(self, case, token, context):
        if name_of(case) == "get_csrf_token":
            case.cookies.update(login(ADA, "cookie").cookies)
        else:
            case.headers["Authorization"] = f"Bearer {token}"


post("/auth/register", ADA)
# Lists tell their ids, and without these two the run would go on as nobody.
NEEDED = {user_of(login(who)) for who in (ADMIN, ADA)}
if os.environ["JETON_AS"] == "admin":
    # Every call asks for its token: it may be the last with it.
    schemathesis.auth(refresh_interval=None)(Bearer)


@schemathesis.hook
def before_call(context, case, kwargs):
    case.headers.update(address())
    name, turn = name_of(case), next(turns)
    is_positive = case.meta is not None and case.meta.generation.mode.is_positive
    if name in OF_OTHERS and (is_positive or str(case.path_parameters["id"]).lower() in NEEDED):
        case.path_parameters["id"] = newcomer()[1]
    elif not is_positive:
        return
    elif name in {"register", "create_user"} and turn % 2:
        case.body = {**case.body, "email": fresh_email(), "password": PASSWORD}
    elif name == "login" and turn % 2:
        case.body = {**case.body, **ADA}
    elif name == "change_password" and turn % 2:
        case.body = {"current": PASSWORD, "new": PASSWORD + " staple"}
    elif name == "delete_me" and turn % 2:
        case.body = {"password": PASSWORD}
    elif name in REFRESHING and turn % 3 == 0:
        case.body = {"refresh_token": login(ADA).json()["refresh_token"]}
    elif name in REFRESHING and turn % 3 == 1:
        answer = login(ADA, "cookie")
        case.cookies.update(answer.cookies)
        case.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        case.body = {}
