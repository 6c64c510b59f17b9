"""``make pictures``: the README's pictures, of the demo as it is now. Needs Chromium."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def main() -> int:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("Chromium is needed for pictures: apt-get install chromium")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "DATABASE_URL": f"sqlite:///{folder}/pictures.sqlite3", "LOG_LEVEL": "WARNING"}
        _manage(environment, "migrate", "--verbosity", "0")
        logins = _manage(environment, "seed_demo")
        found = re.search(r"login: (\S+) password: (\S+) role: admin", logins)
        assert found, logins
        port = _free_port()
        server = subprocess.Popen(
            [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"], cwd=ROOT, env=environment
        )
        try:
            base = f"http://127.0.0.1:{port}"
            _wait_for(f"{base}/healthz")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                _take(browser, base, *found.groups())
                browser.close()
        finally:
            server.terminate()
            server.wait()
    return 0


def _take(browser: Browser, base: str, email: str, password: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{base}/accounts/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{base}/p/**")
    page.screenshot(path=HERE / "overview.png", full_page=True)
    page.goto(f"{base}/p/members/contacts/")
    page.screenshot(path=HERE / "contacts.png")
    page.goto(f"{base}/p/members/contacts/?reason=sms:not_suppressed&status=active&order=change")
    page.locator("tbody a").first.click()
    page.wait_for_load_state()
    page.screenshot(path=HERE / "profile.png", full_page=True)
    address = page.url
    page.get_by_role("button", name="Delete").click()
    page.wait_for_load_state()
    page.screenshot(path=HERE / "delete.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address)
    page.screenshot(path=HERE / "profile-phone.png")


def _manage(environment: dict[str, str], *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    ).stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str) -> None:
    for _attempt in range(100):
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise RuntimeError(f"The server does not answer on {url}.")


if __name__ == "__main__":
    sys.exit(main())
