"""Films in a real browser: headless Chromium plays a file, and tells what it shows.

The page gets the film as a whole, or the address of a playlist; it seeks to each time asked for, draws the picture on a
canvas and reads the luma of its red channel back; then it plays the film to its end, fast. What it finds it sends to a
server of this process.
"""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

CHROMIUM = shutil.which("chromium")
TIMEOUT_SECONDS = 300
_PAGE = """<!doctype html><video id=v muted></video><canvas id=c></canvas><script>
const v = document.getElementById("v"), c = document.getElementById("c"), pictures = [];
const send = told => fetch("/told", {method: "POST", body: JSON.stringify(told)});
v.onerror = () => send({error: v.error.code + " " + v.error.message});
window.onunhandledrejection = event => send({error: String(event.reason)});
const event = name => new Promise(done => v.addEventListener(name, done, {once: true}));
(async () => {
  const loaded = event("loadeddata");
  v.src = SOURCE;
  await loaded;
  c.width = v.videoWidth; c.height = v.videoHeight;
  const context = c.getContext("2d", {willReadFrequently: true});
  for (const time of TIMES) {
    // The picture on screen may still be the one before when the seek has ended.
    const painted = new Promise(done => { v.requestVideoFrameCallback(done); setTimeout(done, 2000); });
    const sought = event("seeked"); v.currentTime = time; await sought; await painted;
    context.drawImage(v, 0, 0);
    const rgba = context.getImageData(0, 0, c.width, c.height).data;
    pictures.push(Array.from({length: rgba.length / 4}, (_, i) => rgba[4 * i]));
  }
  const sought = event("seeked"); v.currentTime = 0; await sought;
  v.playbackRate = 8;
  const ended = event("ended"); await v.play(); await ended;
  const quality = v.getVideoPlaybackQuality();
  send({error: null, width: v.videoWidth, height: v.videoHeight, duration: v.duration, ended: v.currentTime,
        corrupted: quality.corruptedVideoFrames, pictures});
})();
</script>"""


@dataclass(frozen=True, slots=True)
class Played:
    """What a browser found."""

    width: int
    height: int
    duration: float
    ended: float
    """The time at which it stopped playing, seconds."""
    corrupted: int
    pictures: list[npt.NDArray[np.uint8]]
    """At each time asked for: red, shape [height, width]."""


def play(film: Path, times: Sequence[float], profile: Path) -> Played:
    """Play a film in Chromium, a playlist by itself. `profile`: a folder for what it keeps.

    Fails where the browser tells an error.
    """
    assert CHROMIUM is not None
    told: queue.Queue[dict[str, Any]] = queue.Queue()
    streamed = film.suffix == ".m3u8"
    source = json.dumps(f"/{film.name}") if streamed else 'URL.createObjectURL(await (await fetch("/film")).blob())'
    page = _PAGE.replace("TIMES", json.dumps(list(times))).replace("SOURCE", source).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = {"/": (page, "text/html"), "/film": (film.read_bytes(), "video/mp4")}
            body, kind = found.get(self.path, (b"", "text/plain"))
            beside = film.parent / self.path[1:]
            if not body and streamed and beside.is_file():
                kind = "application/vnd.apple.mpegurl" if beside == film else "video/mp4"
                body = beside.read_bytes()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
    # With a port for debugging it goes on running after the page was loaded.
    flags += [f"--user-data-dir={profile}", "--remote-debugging-port=0"]
    browser = subprocess.Popen(
        [CHROMIUM, *flags, f"http://127.0.0.1:{server.server_port}/"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        answer = told.get(timeout=TIMEOUT_SECONDS)
    finally:
        browser.terminate()
        browser.wait()
        server.shutdown()
        server.server_close()
        thread.join()
    assert answer["error"] is None, answer["error"]
    size = answer["height"], answer["width"]
    return Played(
        width=answer["width"],
        height=answer["height"],
        duration=answer["duration"],
        ended=answer["ended"],
        corrupted=answer["corrupted"],
        pictures=[np.array(picture, np.uint8).reshape(size) for picture in answer["pictures"]],
    )
