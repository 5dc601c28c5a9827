"""Who gets in: this computer alone, or who has the token; no other site's page, and never in the clear over the network."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from console_helpers import Console, Engine, running_console, status_of
from playwright.sync_api import Browser
from starlette.datastructures import Headers

from rtfmri.console.app import serve
from rtfmri.console.context import Settings
from rtfmri.console.security import COOKIE, Verdict, Web, judge, same_token
from rtfmri.errors import StudyError
from rtfmri.stream.ports import Ports

TOKEN = "0123456789abcdef-a-token"
LOCAL = Web()
LOCKED = Web(token=TOKEN)
HERE = {"host": "127.0.0.1:8080"}


def verdict(web: Web, headers: dict[str, str], kind: str = "http", method: str = "GET", path: str = "/") -> Verdict:
    return judge(web, kind, method, path, Headers(headers))


def test_it_is_not_opened_to_others_without_token_and_tls(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="ssh -L"):
        Web(bind="0.0.0.0")
    with pytest.raises(StudyError, match="TLS"):
        Web(bind="192.168.0.10", token=TOKEN)
    with pytest.raises(StudyError, match="belong together"):
        Web(cert=tmp_path / "c.pem")
    with pytest.raises(StudyError, match="too short"):
        Web(token="short")
    assert Web(bind="0.0.0.0", token=TOKEN, cert=tmp_path / "c.pem", key=tmp_path / "k.pem").address == "https://0.0.0.0:8080/"


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"])
def test_this_computers_own_names_pass(host: str) -> None:
    assert verdict(LOCAL, {"host": host}) == "pass"


@pytest.mark.parametrize("host", ["evil.example:8080", "127.0.0.1.evil.example", "", "["])
def test_a_name_that_only_points_here_is_refused(host: str) -> None:
    assert verdict(LOCAL, {"host": host}) == "refuse"


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9999", "https://127.0.0.1:8080", "null"])
def test_another_origin_is_refused(kind: str, origin: str) -> None:
    assert verdict(LOCAL, {**HERE, "origin": origin}, kind) == "refuse"
    assert verdict(LOCAL, {**HERE, "origin": "http://127.0.0.1:8080"}, kind) == "pass"


def test_what_the_browser_marks_as_from_elsewhere_is_refused_but_a_link_opens_the_page() -> None:
    link = {**HERE, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert verdict(LOCAL, link) == "pass"
    assert verdict(LOCAL, link, method="POST") == "refuse"
    assert verdict(LOCAL, {**link, "sec-fetch-dest": "iframe"}) == "refuse"
    assert verdict(LOCAL, {**HERE, "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}) == "refuse"


def test_with_a_token_nothing_but_the_login_is_given_without_the_cookie() -> None:
    assert verdict(LOCKED, HERE) == "login"
    assert verdict(LOCKED, HERE, path="/login") == "pass"
    for path in ("/live", "/static/live.js", "/picture/regulation", "/before", "/_nicegui_ws/socket.io/"):
        assert verdict(LOCKED, HERE, path=path) == "refuse"
    assert verdict(LOCKED, HERE, "websocket", path="/live") == "refuse"
    assert verdict(LOCKED, {**HERE, "cookie": f"{COOKIE}={TOKEN}"}, path="/live") == "refuse"
    assert verdict(LOCKED, {**HERE, "cookie": f"a=b; {COOKIE}={LOCKED.cookie}"}, "websocket", path="/live") == "pass"


def test_the_cookie_does_not_hold_the_token_and_outlives_a_restart() -> None:
    assert LOCKED.cookie is not None
    assert TOKEN not in LOCKED.cookie
    assert Web(token=TOKEN).cookie == LOCKED.cookie
    assert Web(token=TOKEN + "x").cookie != LOCKED.cookie


def test_tokens_of_any_letters_and_length_can_be_compared() -> None:
    assert same_token(TOKEN, TOKEN)
    assert not same_token("", TOKEN)
    assert not same_token("ü" * 5000, TOKEN)


def test_a_running_console_refuses_other_sites_and_their_sockets(browser: Browser, console: Console) -> None:
    assert status_of(console.address) == 200
    assert status_of(console.address, {"Host": "evil.example"}) == 403
    assert status_of(console.address, {"Origin": "http://evil.example"}) == 403
    assert status_of(console.address + "static/live.js", {"Sec-Fetch-Site": "cross-site"}) == 403
    for path in ("live", "_nicegui_ws/socket.io/?EIO=4&transport=websocket"):
        assert _upgrade(console, path, "http://evil.example").startswith("HTTP/1.1 403")
        assert _upgrade(console, path, console.address.rstrip("/")).startswith("HTTP/1.1 101")


def test_it_listens_on_loopback_only(console: Console) -> None:
    port = int(console.address.rsplit(":", 1)[1].strip("/"))
    assert _listening_addresses(port) == {"0100007F"}


def test_over_tls_the_token_opens_the_page_and_is_never_printed(browser: Browser, engine: Engine, tmp_path: Path) -> None:
    cert, key, token_file = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "token"
    token_file.write_text(TOKEN + "\n")
    _certificate(cert, key)
    more = ("--token-file", str(token_file), "--cert", str(cert), "--key", str(key), "--bind", "0.0.0.0")
    with running_console(engine.ports, *more, folder=tmp_path) as console:
        context = browser.new_context(ignore_https_errors=True)
        page = context.new_page()
        page.goto(console.address)
        assert page.url.endswith("/login")
        page.fill("#token", "not the token, not at all")
        page.click("button")
        assert page.locator("[role=alert]").inner_text() == "That is not the token."
        page.fill("#token", TOKEN)
        page.click("button")
        page.wait_for_selector("text=rtfmri")
        assert page.url == console.address
        (cookie,) = (cookie for cookie in context.cookies() if cookie["name"] == COOKIE)
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
        context.close()
        console.process.terminate()
        said, _ = console.process.communicate(timeout=20)
    assert TOKEN not in said
    assert cookie["value"] not in said
    assert "https://" in said


def test_a_port_that_is_taken_is_said_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StudyError, match="choose another one with --web-port"):
        serve(Settings(Ports("127.0.0.1", 5560)), Web(port=taken.getsockname()[1]), lambda: None)


def _upgrade(console: Console, path: str, origin: str) -> str:
    """First line of the answer to a browser's attempt to open a socket."""
    host = console.address.removeprefix("http://").strip("/")
    lines = (
        f"GET /{path} HTTP/1.1", f"Host: {host}", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Origin: {origin}", "", "",
    )  # fmt: skip
    name, port = host.split(":")
    with socket.create_connection((name, int(port)), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return connection.recv(200).decode("latin-1").splitlines()[0]


def _listening_addresses(port: int) -> set[str]:
    """Of the sockets that listen on ``port``, as /proc writes them."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("no /proc/net/tcp on this machine")
    fields = [line.split() for line in table.read_text().splitlines()[1:]]
    return {entry[1].split(":")[0] for entry in fields if entry[3] == "0A" and int(entry[1].split(":")[1], 16) == port}


def _certificate(cert: Path, key: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-out", str(cert)]
    try:
        subprocess.run([*command, "-keyout", str(key)], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl on this machine")
