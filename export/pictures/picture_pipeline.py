"""The row-parallel picture pipeline: batches of pictures in; RGBA pictures or JPEG, PNG and WebP files out.

`PicturePipeline` is thread-safe, and owns a fixed pool of workers that is started once and takes turns among callers.
The rows of a batch are spread over the workers: whole pictures while there are as many as workers, and the rows of the
last ones over those that would have none. Finished pictures are encoded, PNG by stretches of rows, while
others are made. What comes out is the same, bit by bit, for every number of workers. No more than one picture per
worker, and one, is begun at a time, so memory does not grow with the batch. docs/internals/picture-pipeline.md
tells what is computed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Self, cast

import numpy as np
import numpy.typing as npt

from reelmill.decoders.shared.decode_slots import available_cores
from reelmill.export.pictures.picture_conversion import MAX_SIDE, Order, Picture, check_picture
from reelmill.export.pictures.picture_encoding import EncodedPicture, Encoding, check_encoding
from reelmill.export.pictures.picture_resizing import METHODS, Method
from reelmill.export.pictures.picture_rows import Rgba, RowPlan, render_rows
from reelmill.export.pictures.picture_scratch import Scratch
from reelmill.export.pictures.picture_workers import MAX_WORKERS, PictureWorkers, Task, WorkBatch
from reelmill.planner.errors import SetupError

MAX_BATCH = 32
"""Pictures."""
Size = tuple[int, int]
"""Width, height, pixels."""
_Spare = deque[npt.NDArray[np.uint8]]
"""Memory of pictures that were encoded."""


class PicturePipeline:
    """Converts, resizes and encodes pictures on a pool of workers. Use it by `with`, or close it.

    Pictures are arrays of [height, width, channels]: float32, float16 or uint8, with the channels red, green, blue
    (`order="rgb"`) or blue, green, red (`order="bgr"`), and a fourth of straight alpha or none. `white` is the float
    that becomes 255; samples of 8 bits are taken as they are. Pictures of a batch may differ in shape and type. They
    must not be changed before the call returns.
    """

    def __init__(self, workers: int | None = None) -> None:
        """`workers`: 1 to 16; None for as many as there are cores, at most 16. Raises SetupError."""
        count = min(available_cores(), MAX_WORKERS) if workers is None else workers
        if not 1 <= count <= MAX_WORKERS:
            raise _refused(f"{count} workers", f"a picture pipeline has 1 to {MAX_WORKERS}")
        self._workers = PictureWorkers(count)
        self._spare: _Spare = deque(maxlen=count + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def workers(self) -> int:
        return self._workers.count

    def close(self) -> None:
        """Finish what was begun, and end the workers. Again, does nothing."""
        self._workers.close()

    def convert(self, pictures: Sequence[Picture], *, order: Order = "rgb", white: float = 1.0) -> list[Rgba]:
        """RGBA of 8 bits, [height, width, 4] each, of 1 to 32 pictures. Without alpha, it is 255.

        Raises SetupError for pictures that can't be converted, RenderError for what fails while it works.
        """
        return self._rendered(pictures, None, "bilinear", order, white)

    def resize(
        self,
        pictures: Sequence[Picture],
        size: Size,
        *,
        method: Method = "bilinear",
        order: Order = "rgb",
        white: float = 1.0,
    ) -> list[Rgba]:
        """RGBA of 8 bits of that width and height. The pictures may have different sizes. Raises as `convert`."""
        return self._rendered(pictures, size, method, order, white)

    def encode(
        self,
        pictures: Sequence[Picture],
        encoding: Encoding,
        *,
        size: Size | None = None,
        method: Method = "bilinear",
        order: Order = "rgb",
        white: float = 1.0,
    ) -> list[bytes]:
        """The pictures as files, each as `encoding` says; resized first where `size` is given. Raises as `convert`."""
        return self.start(pictures, encoding, size=size, method=method, order=order, white=white).result()

    def start(
        self,
        pictures: Sequence[Picture],
        encoding: Encoding,
        *,
        size: Size | None = None,
        method: Method = "bilinear",
        order: Order = "rgb",
        white: float = 1.0,
    ) -> PendingFiles:
        """`encode` without waiting, for callers with more to do, such as one that gets its pictures one by one.

        The pictures must not change until the result was taken. Waits while 32 batches are in turn. Raises SetupError
        for what is wrong with the pictures or the settings, RenderError when closed.
        """
        jobs = _jobs(pictures, size, method, order, white)
        for job in jobs:
            check_encoding(encoding, (job.plan.out_width, job.plan.out_height))
            job.encoding = encoding
        return PendingFiles(jobs, self._workers, self._begun(jobs))

    def _rendered(
        self, pictures: Sequence[Picture], size: Size | None, method: Method, order: Order, white: float
    ) -> list[Rgba]:
        jobs = _jobs(pictures, size, method, order, white)
        _wait(self._workers, self._begun(jobs))
        return [job.rgba for job in jobs if job.rgba is not None]

    def _begun(self, jobs: list[_Job]) -> _PictureBatch:
        batch = _PictureBatch(jobs, self.workers, self._spare)
        self._workers.put(batch)
        return batch


class PendingFiles:
    """A batch that is being encoded. Any thread."""

    def __init__(self, jobs: list[_Job], workers: PictureWorkers, batch: _PictureBatch) -> None:
        self._jobs, self._workers, self._batch = jobs, workers, batch

    @property
    def done(self) -> bool:
        """Whether `result` would not wait."""
        return self._batch.ended.is_set()

    def result(self) -> list[bytes]:
        """The files, when all are made. Raises what failed: SetupError for a NaN, else RenderError."""
        _wait(self._workers, self._batch)
        return [job.encoded.file() for job in self._jobs if job.encoded is not None]

    def give_up(self) -> None:
        """Begin nothing more of it; on return nothing reads its pictures."""
        self._workers.abandon(self._batch)


def _wait(workers: PictureWorkers, batch: _PictureBatch) -> None:
    """Until it has ended, well or by raising its error."""
    try:
        batch.ended.wait()
    except BaseException:  # an interrupt: the pictures are being read
        workers.abandon(batch)
        raise
    if batch.error is not None:
        raise batch.error


@dataclass(slots=True)
class _Job:
    """One picture on its way."""

    number: int
    picture: Picture
    white: float
    plan: RowPlan
    encoding: Encoding | None = None
    rgba: Rgba | None = None
    """The finished pixels, from when it is begun."""
    encoded: EncodedPicture | None = None
    left: int = 0
    """Tasks of the stage that it is in."""


@dataclass(frozen=True, slots=True)
class _Band:
    """Some finished rows of a picture."""

    job: _Job
    rows: range

    def run(self, scratch: Scratch) -> None:
        job = self.job
        assert job.rgba is not None
        render_rows(job.plan, job.picture, job.white, self.rows, job.rgba, scratch, job.number)


@dataclass(frozen=True, slots=True)
class _Part:
    """Part of the file of a picture whose rows are finished."""

    job: _Job
    part: int

    def run(self, scratch: Scratch) -> None:
        job = self.job
        assert job.rgba is not None
        assert job.encoded is not None
        job.encoded.make(self.part, job.rgba, scratch)


class _PictureBatch(WorkBatch):
    """The tasks of a batch: the bands of each picture, then its encoding."""

    def __init__(self, jobs: list[_Job], workers: int, spare: _Spare) -> None:
        super().__init__()
        self._waiting = deque(jobs)
        self._tasks: deque[Task] = deque()
        self._open = 0
        self._workers = workers
        self._spare = spare
        self._begin_pictures()

    @property
    def ready(self) -> int:
        return len(self._tasks)

    @property
    def complete(self) -> bool:
        return self._open == 0

    def next_task(self) -> Task:
        return self._tasks.popleft()

    def done(self, task: Task) -> None:
        assert isinstance(task, _Band | _Part)
        job = task.job
        job.left -= 1
        if job.left:
            return
        if isinstance(task, _Band) and job.encoding is not None:
            self._encode(job)
            return
        if isinstance(task, _Part):
            self._give_back(job)
        self._open -= 1
        self._begin_pictures()

    def _begin_pictures(self) -> None:
        while self._waiting and self._open <= self._workers:
            job = self._waiting.popleft()
            self._open += 1
            if job.encoding is not None and (finished := _as_rgba(job)) is not None:
                job.rgba = finished
                self._encode(job)
                continue
            job.rgba = self._memory(job)
            bands = _bands(job.plan.out_height, -(-self._workers // (len(self._waiting) + 1)))
            job.left = len(bands)
            self._tasks.extend(_Band(job, rows) for rows in bands)

    def _encode(self, job: _Job) -> None:
        """Before any further rows: what is encoded gives its memory back."""
        assert job.encoding is not None
        plan = job.plan
        job.encoded = EncodedPicture(plan.out_width, plan.out_height, job.encoding, opaque=plan.channels == 3)
        job.left = job.encoded.parts
        self._tasks.extendleft(_Part(job, part) for part in reversed(range(job.left)))

    def _memory(self, job: _Job) -> Rgba:
        shape = job.plan.out_height, job.plan.out_width, 4
        count = shape[0] * shape[1] * shape[2]
        if job.encoding is None:
            return np.empty(shape, np.uint8)
        while self._spare:
            spare = self._spare.pop()
            if spare.size >= count:
                return spare[:count].reshape(shape)
        return np.empty(count, np.uint8).reshape(shape)

    def _give_back(self, job: _Job) -> None:
        if job.rgba is not job.picture and job.rgba is not None:
            memory = job.rgba.base
            assert memory is not None
            self._spare.append(memory)
        job.rgba = None


def _bands(height: int, workers: int) -> list[range]:
    """Equal numbers of rows for so many workers, the rest for the last; those that get none are left out."""
    share = height // workers
    edges = [share * worker for worker in range(workers)] + [height]
    return [range(begin, end) for begin, end in pairwise(edges) if begin < end]


def _as_rgba(job: _Job) -> Rgba | None:
    """The picture itself where nothing is to be done to it."""
    plan, picture = job.plan, job.picture
    if plan.channels == 4 and plan.order == "rgb" and not plan.resizes and picture.dtype == np.uint8:
        return cast(Rgba, picture)
    return None


_plan = lru_cache(maxsize=64)(RowPlan)


def _jobs(pictures: Sequence[Picture], size: Size | None, method: Method, order: Order, white: float) -> list[_Job]:
    if not 1 <= len(pictures) <= MAX_BATCH:
        raise _refused(f"{len(pictures)} pictures in a batch", f"give 1 to {MAX_BATCH} at a time")
    if method not in METHODS:
        raise _refused(f"the method of resizing is {method!r}", f"it is one of {', '.join(METHODS)}")
    if order not in ("rgb", "bgr"):
        raise _refused(f"the order of channels is {order!r}", "it is rgb or bgr")
    if size is not None and not all(isinstance(side, int | np.integer) and 1 <= side <= MAX_SIDE for side in size):
        raise _refused(f"the size is {size[0]}×{size[1]}", f"sides are whole numbers of 1 to {MAX_SIDE} pixels")
    jobs = []
    for number, picture in enumerate(pictures):
        check_picture(picture, number, white)
        height, width, channels = picture.shape
        out_width, out_height = size or (width, height)
        plan = _plan(height, width, channels, order, out_width, out_height, method)
        jobs.append(_Job(number, picture, white, plan))
    return jobs


def _refused(message: str, suggestion: str) -> SetupError:
    return SetupError(message, component="PicturePipeline", suggestion=suggestion)
