"""`make demo`: a server of its own in .calotype, one real job over HTTP, a picture on disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

FOLDER = Path(".calotype")
PROMPT = "a red sailboat on the sea at sunset"
PATIENCE = 60.0


def main() -> int:
    """Start the server, make the picture, stop the server."""
    started = time.monotonic()
    for variable in ("CALOTYPE_URL", "CALOTYPE_API_KEY"):
        os.environ.pop(variable, None)  # they would lead to another server
    prompt = os.environ.get("PROMPT", "").strip() or PROMPT
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    log = (FOLDER / "demo.log").open("ab")
    say(f"Starting a server in {FOLDER}/ …")
    client_file = FOLDER / "client.toml"
    client_file.unlink(missing_ok=True)
    server = subprocess.Popen(
        [sys.executable, "-m", "calotype", "serve", "--data", str(FOLDER), "--port", "0"], stdout=log, stderr=log
    )
    try:
        if not is_up(server, client_file):
            say(f"The server did not start; {FOLDER}/demo.log says why:\n{last_lines(FOLDER / 'demo.log')}")
            return 7
        up = time.monotonic()
        code = generate(prompt)
        if code == 0:
            done = time.monotonic()
            say(f"First asset {done - up:.1f} s after the server was up, {done - started:.1f} s in all.")
        return code
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(40)


def generate(prompt: str) -> int:
    """Make the picture as a user would, with the command line's client."""
    say(f"Asking for: {prompt}")
    Path("demo").mkdir(exist_ok=True)
    return subprocess.call(
        [sys.executable, "-m", "calotype", "generate", prompt, "--data", str(FOLDER), "--out", "demo/", "--seed", "7"]
    )


def is_up(server: subprocess.Popen[bytes], client_file: Path) -> bool:
    """Wait until the server has written where it listens and answers there."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        if client_file.exists() and "url" in tomllib.loads(client_file.read_text("utf-8")):
            return True
        time.sleep(0.05)
    return False


def last_lines(path: Path) -> str:
    """Return the end of a log."""
    return "\n".join(path.read_text("utf-8", "replace").splitlines()[-5:])


def say(text: str) -> None:
    """Tell the person who waits; the picture's path alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
