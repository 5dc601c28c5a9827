"""The page that asks for the token, without any script; wrong tokens are answered slowly and one after another."""

from __future__ import annotations

import asyncio
import html
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from rtfmri.console.security import COOKIE, LOGIN, Web, same_token

SLOW_S = 1.0
COOKIE_DAYS = 7
LONGEST_BODY = 4096
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>rtfmri: token</title>
<meta name="viewport" content="width=device-width"><style>
:root{{color-scheme:light dark}} body{{font:1.1rem system-ui,sans-serif;max-width:24rem;margin:20vh auto;padding:0 1rem}}
input,button{{font:inherit;padding:.5rem;width:100%;box-sizing:border-box;margin-top:.5rem}} p{{min-height:1.5em}}</style></head>
<body><main><h1>rtfmri console</h1><form method="post"><label for="token">Token, from the file on the engine's computer</label>
<input id="token" name="token" type="password" autocomplete="current-password" autofocus required><button>Open</button></form>
<p role="alert">{words}</p></main></body></html>"""


def add_login(app: FastAPI, web: Web) -> None:
    """Serve the login where ``web`` has a token."""
    token, cookie = web.token, web.cookie
    if token is None or cookie is None:
        return
    one_at_a_time = asyncio.Lock()

    @app.get(LOGIN)
    async def ask() -> Response:
        return _page("", 200)

    @app.post(LOGIN)
    async def answer(request: Request) -> Response:
        if same_token(await _given(request), token):
            opened = RedirectResponse("/", 303)
            opened.set_cookie(COOKIE, cookie, COOKIE_DAYS * 86_400, httponly=True, samesite="strict", secure=web.scheme == "https")
            return opened
        async with one_at_a_time:
            await asyncio.sleep(SLOW_S)
        return _page("That is not the token.", 401)


def _page(words: str, status: int) -> Response:
    return HTMLResponse(PAGE.format(words=html.escape(words)), status, {"Cache-Control": "no-store"})


async def _given(request: Request) -> str:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            return ""
    return (parse_qs(body.decode("utf-8", "replace")).get("token") or [""])[0]
