"""The console as a whole: nicegui's pages, the charts' socket and the pictures in one application, behind the guard.

The rule: nothing here knows what a page shows (``pages.py``) or what a request may do (``security.py``).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, HTTPException, WebSocket
from nicegui import app as pages_app
from nicegui import ui
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from rtfmri.console import charts
from rtfmri.console.context import PageContext, Settings
from rtfmri.console.during.pictures import trusted
from rtfmri.console.listening import Listening
from rtfmri.console.login import add_login
from rtfmri.console.pages import PAGES, Page
from rtfmri.console.security import Guard, Web
from rtfmri.errors import StudyError

STARTED_GLANCE_S = 0.02
STOP_WITHIN_S = 2
RECONNECT_S = 20.0  # a browser's page outlives a gap of so long; a page that nobody shows any more is forgotten after it


def serve(settings: Settings, web: Web, opened: Callable[[], None]) -> None:
    """Serve the page until Ctrl-C; ``opened`` is called once it can be opened.

    Raises
    ------
    StudyError : the port is taken.
    """
    with _bound(web) as door:
        listening = Listening(settings.ports.messages)
        config = uvicorn.Config(
            Guard(application(settings, web, listening), web),
            log_level="warning",
            access_log=False,
            ws_per_message_deflate=False,
            ssl_certfile=web.cert,
            ssl_keyfile=web.key,
            timeout_graceful_shutdown=STOP_WITHIN_S,
            server_header=False,
        )
        asyncio.run(_serve(uvicorn.Server(config), door, opened))


async def _serve(server: uvicorn.Server, door: socket.socket, opened: Callable[[], None]) -> None:
    serving = asyncio.create_task(server.serve([door]))
    while not server.started and not serving.done():
        await asyncio.sleep(STARTED_GLANCE_S)
    if server.started:
        opened()
    await serving


def _bound(web: Web) -> socket.socket:
    try:
        return socket.create_server((web.bind, web.port), family=socket.AF_INET6 if ":" in web.bind else socket.AF_INET, backlog=128)
    except OSError as error:
        raise StudyError(
            f"The page cannot be served at {web.bind} port {web.port} ({error.strerror}); choose another one with --web-port."
        ) from None


def application(settings: Settings, web: Web, listening: Listening) -> FastAPI:
    """Everything that is served, without the guard."""

    @asynccontextmanager
    async def hearing(_: FastAPI) -> AsyncIterator[None]:
        async with listening:
            yield

    app = FastAPI(lifespan=hearing, openapi_url=None)
    add_login(app, web)
    app.mount(charts.STATIC_URL, StaticFiles(directory=charts.STATIC))

    @app.websocket("/live")
    async def live(browser: WebSocket) -> None:
        await listening.feed.serve(browser)

    @app.get("/picture/{what}")
    async def picture(what: str) -> Response:
        found = listening.story.pictures.get(what)
        path = None if found is None else trusted(found, listening.story)
        if path is None:
            raise HTTPException(404)
        return FileResponse(path, headers={"Cache-Control": "no-store"})

    for page in PAGES:
        _add_page(page, settings, listening)
    charts.load()
    pages_app.config.quasar_config["loadingBar"]["skipHijack"] = True  # a bar over the page at each slow request tells an operator nothing
    ui.run_with(app, title="rtfmri", dark=None, language="en-US", reconnect_timeout=RECONNECT_S, gzip_middleware_factory=None)
    return app


def _add_page(page: Page, settings: Settings, listening: Listening) -> None:
    @ui.page(page.path, title=f"{page.title} · rtfmri")
    def show() -> None:
        page.build(PageContext(settings, listening))
