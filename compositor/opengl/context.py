"""The OpenGL context: one, headless, made, used and released on the render thread.

In: the wish of `--renderer`. Out: a `GLContext` that is current on the calling thread, with the name and kind of
its renderer. Nothing here needs a display: EGL devices on Linux, the platform's own way elsewhere.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal

import moderngl

from reelmill.planner.errors import RenderError, SetupError

RendererChoice = Literal["auto", "hardware", "software"]
RendererKind = Literal["hardware", "software"]

REQUIRED_VERSION = 400
"""OpenGL 4.0: textureGather of the shaders. macOS has 4.1, llvmpipe 4.5."""
MAX_DEVICES = 16
"""EGL devices that are looked at."""
SOFTWARE_NAMES = ("llvmpipe", "softpipe", "swrast", "swiftshader", "microsoft basic render", "apple software")
"""Parts of GL_RENDERER that tell a renderer on the CPU."""
_chosen_devices: dict[RendererChoice, int] = {}
"""The EGL device that was found for each wish. moderngl leaks 40 kB for each context, so none is opened to be looked at
twice."""
INSTALL_HINT = (
    "install OpenGL, for Debian and Ubuntu: apt-get install libegl1 libgl1 libgl1-mesa-dri (a software renderer; "
    "no graphics card or display is needed)"
)


class GLContext:
    """A current OpenGL context. One-thread: whoever made it uses and closes it. Close every object made in it first."""

    def __init__(self, gl: moderngl.Context) -> None:
        self.gl = gl
        self.name = str(gl.info["GL_RENDERER"])
        self.kind: RendererKind = renderer_kind(self.name)
        self.max_texture_size = int(gl.info["GL_MAX_TEXTURE_SIZE"])
        self._resting_texture = gl.texture((1, 1), 4)
        self._resting = gl.framebuffer(self._resting_texture)
        self._closed = False
        self.upload_seconds = 0.0
        """Spent on copying samples from memory into textures."""

    @classmethod
    def create(cls, renderer: RendererChoice = "auto") -> GLContext:
        """Open a headless context: `auto` prefers hardware, the others take nothing else.

        Raises SetupError where OpenGL is missing or only the other kind of renderer is found.
        """
        if sys.platform.startswith("linux"):
            return _create_egl(renderer)
        try:
            context = cls(moderngl.create_context(require=REQUIRED_VERSION, standalone=True))
        except Exception as error:  # the platforms' loaders raise bare Exception
            raise _no_opengl(str(error)) from error
        if renderer not in ("auto", context.kind):
            context.close()
            raise _wrong_kind(renderer, [context.name])
        return context

    def check(self, doing: str, *, component: str = "Compositor") -> None:
        """Raise RenderError if OpenGL has flagged an error since the last look."""
        error = self.gl.error
        if error != "GL_NO_ERROR":
            raise RenderError(
                f"OpenGL reported {error} while {doing}, on {self.name}",
                component=component,
                suggestion="`--renderer software` uses another OpenGL implementation",
            )

    def finish(self) -> None:
        """Wait until everything is drawn. OpenGL draws when it likes; only who measures it needs to know when."""
        self.gl.finish()

    def rest(self) -> None:
        """Bind a framebuffer of no meaning: moderngl binds the last one again, and must not find it released."""
        self._resting.use()

    def close(self) -> None:
        """Release the context; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._resting.release()
            self._resting_texture.release()
            self.gl.release()

    def __enter__(self) -> GLContext:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def renderer_kind(name: str) -> RendererKind:
    """Whether a GL_RENDERER is a graphics card's or one on the CPU."""
    return "software" if any(part in name.lower() for part in SOFTWARE_NAMES) else "hardware"


def _create_egl(renderer: RendererChoice) -> GLContext:
    """Look at the EGL devices in order, and take the first of the wanted kind (for `auto`: hardware, else any)."""
    libegl = _loadable("libEGL.so.1", "libEGL.so")
    libgl = _loadable("libGL.so.1", "libOpenGL.so.0", "libGL.so")
    if libegl is None or libgl is None:
        missing = " and ".join(
            name for name, found in (("libEGL.so.1", libegl), ("libGL.so.1", libgl)) if found is None
        )
        raise _no_opengl(f"{missing} not found")
    if (known := _chosen_devices.get(renderer)) is not None:
        with suppress(Exception):  # glcontext raises bare Exception; a device that is gone is looked for again
            return _open_device(known, libegl, libgl)
    context, _chosen_devices[renderer] = _find_device(renderer, libegl, libgl)
    return context


def _find_device(renderer: RendererChoice, libegl: str, libgl: str) -> tuple[GLContext, int]:
    """A context of the wanted kind, and the index of its device."""
    wanted: RendererKind = "software" if renderer == "software" else "hardware"
    others: list[tuple[int, str]] = []
    failures: list[str] = []
    for index in range(MAX_DEVICES):
        try:
            context = _open_device(index, libegl, libgl)
        except Exception as error:  # glcontext raises bare Exception
            failures.append(str(error))
            continue
        if context.kind == wanted:
            return context, index
        others.append((index, context.name))
        context.close()
    if not others:
        raise _no_opengl(failures[0])
    if renderer != "auto":
        raise _wrong_kind(renderer, [name for _, name in others])
    first = others[0][0]
    return _open_device(first, libegl, libgl), first


def _open_device(index: int, libegl: str, libgl: str) -> GLContext:
    settings: dict[str, Any] = {"backend": "egl", "device_index": index, "libegl": libegl, "libgl": libgl}
    return GLContext(moderngl.create_context(require=REQUIRED_VERSION, standalone=True, **settings))


def _loadable(*names: str) -> str | None:
    """The first of these libraries that the dynamic linker finds."""
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    return None


def _no_opengl(why: str) -> SetupError:
    return SetupError(
        f"no OpenGL {REQUIRED_VERSION / 100:.1f} context could be made: {why}",
        component="Compositor",
        suggestion=INSTALL_HINT,
    )


def _wrong_kind(renderer: RendererChoice, found: list[str]) -> SetupError:
    names = ", ".join(dict.fromkeys(found))
    if renderer == "hardware":
        hint = "install the graphics card's driver, or use `--renderer auto` or `software`"
    else:
        hint = INSTALL_HINT
    return SetupError(
        f"no {renderer} OpenGL renderer was found; this machine has: {names}", component="Compositor", suggestion=hint
    )
