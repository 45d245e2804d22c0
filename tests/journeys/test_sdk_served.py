"""The SDK against the real server, its database and its workers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from calotype.client import (
    AsyncClient,
    Client,
    InsufficientCredits,
    InvalidInput,
    JobFailed,
    NotAuthenticated,
    NotFound,
    WaitTimeout,
)
from calotype.jobs.states import JobState
from served import Served, served

ENGINES = ("INSTANT", "SLOW", "FAILING")
INSTANT, SLOW, FAILING = (f"test-{name.lower()}" for name in ENGINES)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served") / "data", engines=ENGINES) as running:
        yield running


@pytest.fixture
def client(server: Served) -> Iterator[Client]:
    with Client(server.url, server.key) as client:
        yield client


def test_a_picture_from_a_prompt_to_a_file(client: Client, tmp_path: Path) -> None:
    states: list[JobState] = []

    job = client.images.generate(
        "A Fox, asleep", model=INSTANT, seed=7, count=2, on_progress=lambda view: states.append(view.state)
    )
    paths = job.download(tmp_path)

    assert job.state is JobState.SUCCEEDED
    assert states[-1] is JobState.SUCCEEDED
    assert [path.read_bytes()[:4] for path in paths] == [b"\x89PNG"] * 2
    assert all(path.name.startswith("a-fox-asleep-") for path in paths)
    assert [output["bytes"] for output in job.outputs] == [path.stat().st_size for path in paths]


def test_progress_is_streamed_while_a_job_runs(client: Client) -> None:
    shown: list[float] = []

    client.images.generate(
        "slowly", model=SLOW, on_progress=lambda view: shown.append(view.progress.percent if view.progress else 0.0)
    )

    assert shown == sorted(shown)
    assert len([percent for percent in shown if 0 < percent < 100]) >= 3


def test_a_running_job_can_be_cancelled(client: Client) -> None:
    job = client.jobs.submit("image", {"prompt": "to be cancelled"}, model=SLOW)
    for view in job.stream():
        if view.state is JobState.RUNNING:
            break
    job.cancel()

    with pytest.raises(JobFailed) as caught:
        job.wait()

    assert caught.value.view.state is JobState.CANCELLED


def test_a_job_is_taken_up_again_by_its_id(client: Client, server: Served) -> None:
    job = client.jobs.submit("image", {"prompt": "later"}, model=SLOW)
    with pytest.raises(WaitTimeout) as caught:
        job.wait(timeout=0.5)

    with Client(server.url, server.key) as another:
        assert another.attach(caught.value.job_id).wait().state is JobState.SUCCEEDED


def test_one_idempotency_key_is_one_job(client: Client) -> None:
    ids = {client.jobs.submit("image", {"prompt": "once"}, model=INSTANT, idempotency_key="again").id for _ in range(3)}

    assert len(ids) == 1


def test_a_failed_job_says_why_and_can_be_retried(client: Client) -> None:
    with pytest.raises(JobFailed) as caught:
        client.images.generate("engine", model=FAILING)

    again = client.jobs.retry(caught.value.job_id)

    assert caught.value.message
    assert again.body["retry_of"] == caught.value.job_id


def test_many_jobs_are_gathered(client: Client) -> None:
    jobs = [client.jobs.submit("image", {"prompt": str(number)}, model=INSTANT) for number in range(8)]

    ended = client.gather(jobs)

    assert [job.id for job in ended] == [job.id for job in jobs]
    assert {job.state for job in ended} == {JobState.SUCCEEDED}


def test_many_jobs_are_awaited_at_once(server: Served) -> None:
    async def conversation() -> set[JobState]:
        async with AsyncClient(server.url, server.key) as client:
            jobs = await asyncio.gather(*(client.images.generate(str(number), model=INSTANT) for number in range(8)))
            return {job.state for job in jobs}

    assert asyncio.run(conversation()) == {JobState.SUCCEEDED}


def test_jobs_are_listed_by_tag_over_pages(client: Client) -> None:
    made = [client.jobs.submit("image", {"prompt": "p"}, model=INSTANT, tags={"set": "pages"}).id for _ in range(5)]

    found = [job.id for job in client.jobs.list(tag="set:pages", limit=2)]

    assert found == made[::-1]


def test_a_deleted_job_is_gone(client: Client) -> None:
    job = client.images.generate("short-lived", model=INSTANT)
    job.delete()

    with pytest.raises(NotFound):
        client.attach(job.id)


def test_an_output_is_enlarged_without_a_detour(client: Client, tmp_path: Path) -> None:
    small = client.images.generate("small", model=INSTANT)

    for image in (small, small.download(tmp_path)[0]):
        large = client.images.upscale(image, scale=2)
        assert (large.outputs[0]["width"], large.outputs[0]["height"]) == (16, 16)


def test_a_background_is_removed_and_the_provenance_says_how(client: Client) -> None:
    drawn = client.images.generate("a yellow duck on a plain blue background", width=256, height=256)

    cut = client.images.remove_background(drawn, background="#ffe0b0")

    said = cut.outputs[0]["provenance"]
    assert (said["engine"], said["weights"], said["background"]) == ("cutout", "U2Net-p", "#ffe0b0")
    assert said["inputs"] == {"image": [drawn.outputs[0]["sha256"]]}


def test_a_clip_has_a_length_a_size_and_a_poster(client: Client, tmp_path: Path) -> None:
    job = client.videos.generate("a snowman in the snow", duration=2, fps=12, resolution="480p", aspect_ratio="1:1")

    [made] = job.outputs
    assert (made["media_type"], made["width"], made["height"], made["duration"]) == ("video/mp4", 480, 480, 2.0)
    assert made["thumbnail_url"]
    [path] = job.download(tmp_path)
    assert path.suffix == ".mp4"
    first = httpx2.get(made["url"], headers={"range": "bytes=0-99"})
    assert (first.status_code, first.headers["content-type"], len(first.content)) == (206, "video/mp4", 100)
    assert httpx2.get(made["thumbnail_url"]).headers["content-type"] == "image/webp"


def test_an_edit_keeps_each_reference_and_says_what_was_drawn_beside_them(client: Client) -> None:
    drawn = client.images.generate("a yellow duck on a plain blue background", width=256, height=256)

    shot = client.images.edit("the duck on a table", [drawn, drawn], width=256, height=256, seed=3)

    said = shot.outputs[0]["provenance"]
    assert (said["engine"], [each["object"] for each in said["understood"]]) == ("product", ["table"])
    assert said["references"] == [{"subject_found": True, "shown": True}] * 2
    assert said["inputs"] == {"images": [drawn.outputs[0]["sha256"]] * 2}


def test_music_comes_with_its_score(client: Client, tmp_path: Path) -> None:
    job = client.music.generate("a folk tune in G major at 100 bpm", duration=5, seed=3, title="Home")

    facts = [(row["media_type"], row["duration"]) for row in job.outputs]
    assert facts == [("audio/mpeg", 5), ("audio/wav", 5), ("image/png", None), ("image/png", None)]
    said = job.outputs[0]["provenance"]
    assert (said["key"], said["tempo"], said["title"], said["seed"]) == ("G major", 100, "Home", 3)
    assert [path.suffix for path in job.download(tmp_path)] == [".mp3", ".wav", ".png", ".png"]


def test_models_and_account_are_there(client: Client) -> None:
    assert {INSTANT, SLOW} <= {str(model["id"]) for model in client.models()}
    assert client.account()["scopes"]


def test_refusals_are_typed(server: Served, client: Client) -> None:
    with Client(server.url, "cal_wrong") as stranger, pytest.raises(NotAuthenticated) as refused:
        stranger.images.generate("x")
    with pytest.raises(InvalidInput) as invalid:
        client.images.generate("x", width=7)
    with pytest.raises(NotFound):
        client.attach("0192f0c1-0000-7000-8000-00000000abcd")

    assert refused.value.request_id
    assert invalid.value.fields == ("width",)


def test_an_account_without_credits_is_told_so(server: Served) -> None:
    made = server.run("keys", "create", "poor", "--credits", "0", "--json")
    key = made.stdout.split('"key": "')[1].split('"')[0]

    with Client(server.url, key) as client, pytest.raises(InsufficientCredits):
        client.images.generate("x", model=INSTANT)


def test_a_wait_outlives_the_api(server: Served, client: Client) -> None:
    job = client.jobs.submit("image", {"prompt": "through a crash"}, model=SLOW)
    killed: list[bool] = []
    killing = threading.Timer(1.0, lambda: killed.append(server.kill("api")))
    killing.start()

    ended = job.wait(timeout=90)

    killing.join()
    assert killed == [True]
    assert ended.state is JobState.SUCCEEDED


def test_the_aetherai_face_is_spoken_to_with_the_same_verbs(server: Served, tmp_path: Path) -> None:
    with Client(server.url, server.key, dialect="aetherai") as client:
        job = client.images.generate("a lighthouse at dusk", model="GPT Image 1.5")

        (path,) = job.download(tmp_path)

    assert path.stat().st_size > 1000
