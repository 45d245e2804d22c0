"""A clip plays in a real browser, from the server that made it. Needs Chromium; skipped loudly without it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page, sync_playwright

from calotype.client import Client
from served import Served, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"),
]

PLAY = """async (url) => {
  const video = document.createElement("video")
  video.muted = true
  video.src = url
  document.body.append(video)
  await video.play()
  await new Promise((resolve, reject) => {
    video.onerror = () => reject(video.error.message)
    video.ontimeupdate = () => { if (video.currentTime > 0.3) resolve() }
  })
  video.pause()
  video.currentTime = 1.5
  await new Promise((resolve) => { video.onseeked = resolve })
  return [video.videoWidth, video.videoHeight, video.currentTime, video.duration]
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def page(server: Served) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page()
        opened.goto(f"{server.url}/livez")
        yield opened
        browser.close()


@pytest.mark.parametrize("form", ["mp4", "webm"])
def test_a_clip_plays_and_seeks(server: Served, page: Page, form: Literal["mp4", "webm"]) -> None:
    with Client(server.url, server.key) as client:
        job = client.videos.generate("a red sailboat on the sea", duration=2, fps=12, resolution="480p", format=form)

    width, height, at, duration = page.evaluate(PLAY, job.outputs[0]["url"])

    assert (width, height) == (854, 480)
    assert at == pytest.approx(1.5, abs=0.1)
    assert duration == pytest.approx(2.0, abs=0.05)
