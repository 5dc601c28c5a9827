"""Who may use the page: pure decisions, and the ASGI wrapper that asks them for every request and every socket.

The rules
* Without a token the page is for this computer only: it is bound to loopback, and a request that names another host is refused (a web
  site whose name points here could else read it).
* With a token nothing is given but the login until the browser has the cookie. The cookie is made of the token and does not contain it,
  so it stays good when the console is restarted. Both are compared in constant time and never logged; wrong tokens are answered slowly.
* Another site's page can send requests here from the operator's browser: what carries a foreign ``Origin``, or is marked cross-site by the
  browser, is refused, sockets included. Only opening the page by a link is let through.
* The browser is told to load nothing from elsewhere (Content-Security-Policy).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rtfmri.errors import StudyError

COOKIE = "rtfmri_console"
LOGIN = "/login"
SHORTEST_TOKEN = 16
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)  # inline and eval: nicegui's page needs both
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
Verdict = Literal["pass", "login", "refuse"]


@dataclass(frozen=True)
class Web:
    """Where the page is served, and how it is locked.

    Raises
    ------
    StudyError : it would be open to others without a token and TLS, or the token is too short to be one.
    """

    bind: str = "127.0.0.1"
    port: int = 8080
    token: str | None = None
    cert: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if (self.cert is None) != (self.key is None):
            raise StudyError("--cert and --key belong together: give both, or neither.")
        if self.token is not None and len(self.token) < SHORTEST_TOKEN:
            raise StudyError(f"The token is too short: its file must hold at least {SHORTEST_TOKEN} characters on one line.")
        if self.local:
            return
        if self.token is None or self.cert is None:
            raise StudyError(
                f"--bind {self.bind} opens the page to other computers, so it needs --token-file, and --cert and --key (TLS). "
                "Without them, leave --bind away and come through SSH: ssh -L 8080:127.0.0.1:8080 THIS-COMPUTER."
            )

    @property
    def local(self) -> bool:
        return is_loopback(self.bind)

    @property
    def scheme(self) -> str:
        return "http" if self.cert is None else "https"

    @property
    def address(self) -> str:
        host = f"[{self.bind}]" if ":" in self.bind else self.bind
        return f"{self.scheme}://{host}:{self.port}/"

    @property
    def cookie(self) -> str | None:
        """What a browser that has logged in carries."""
        return None if self.token is None else hmac.new(self.token.encode(), b"rtfmri console cookie 1", hashlib.sha256).hexdigest()


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def token_of(path: Path) -> str:
    """The first line of ``path``.

    Raises
    ------
    StudyError : it cannot be read.
    """
    try:
        return (path.read_text(encoding="utf-8").splitlines() or [""])[0].strip()
    except (OSError, UnicodeDecodeError):
        raise StudyError(f"--token-file {path} cannot be read; make one with: openssl rand -hex 24 > {path}") from None


def same_token(given: str, token: str) -> bool:
    """In a time that tells nothing of ``token``."""
    return hmac.compare_digest(hashlib.sha256(given.encode()).digest(), hashlib.sha256(token.encode()).digest())


def judge(web: Web, kind: str, method: str, path: str, headers: Headers) -> Verdict:
    """What becomes of a request (``kind`` http) or a socket (websocket)."""
    if web.local and web.token is None and _host(headers.get("host", "")) not in LOOPBACK_NAMES:
        return "refuse"
    if _is_foreign(web, kind, method, headers):
        return "refuse"
    if web.cookie is None or path == LOGIN or _has_cookie(headers, web.cookie):
        return "pass"
    return "login" if kind == "http" and method == "GET" and path == "/" else "refuse"


def _is_foreign(web: Web, kind: str, method: str, headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is not None and origin != f"{web.scheme}://{headers.get('host', '')}":
        return True
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return False
    link = (
        kind == "http" and method == "GET" and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    )
    return not link


def _host(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _has_cookie(headers: Headers, expected: str) -> bool:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return False
    return morsel is not None and hmac.compare_digest(morsel.value.encode(), expected.encode())


class Guard:
    """ASGI: lets through to ``app`` what ``judge`` lets through."""

    def __init__(self, app: ASGIApp, web: Web) -> None:
        self.app = app
        self._web = web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        verdict = judge(self._web, scope["type"], scope.get("method", "GET"), scope["path"], Headers(scope=scope))
        if verdict == "pass":
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif verdict == "login":
            await RedirectResponse(LOGIN, 303)(scope, receive, _with_headers(send))
        else:
            await PlainTextResponse("Refused: open the console's own address.", 403)(scope, receive, _with_headers(send))


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent
