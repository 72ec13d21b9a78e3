"""The OpenGL context: which renderer is taken, and what is said where there is none."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from reelmill.compositor.opengl import context
from reelmill.compositor.opengl.context import GLContext, renderer_kind
from reelmill.planner.errors import RenderError, SetupError


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("llvmpipe (LLVM 15.0.6, 256 bits)", "software"),
        ("softpipe", "software"),
        ("Google SwiftShader", "software"),
        ("GDI Generic / Microsoft Basic Render Driver", "software"),
        ("Apple Software Renderer", "software"),
        ("NVIDIA H200/PCIe/SSE2", "hardware"),
        ("Mesa Intel(R) UHD Graphics 620 (KBL GT2)", "hardware"),
        ("AMD Radeon RX 6600 (radeonsi, navi23, LLVM 15.0.6)", "hardware"),
        ("Apple M2", "hardware"),
    ],
)
def test_renderer_kind(name: str, kind: str) -> None:
    assert renderer_kind(name) == kind


def test_a_context_needs_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with GLContext.create("auto") as gl:
        assert gl.name
        assert gl.kind in ("hardware", "software")
        assert gl.max_texture_size >= 4096
        gl.check("testing")
    gl.close()


def test_an_opengl_error_is_raised_once() -> None:
    with GLContext.create() as gl:
        gl.gl.enable_direct(0xFFFF)  # no such capability
        with pytest.raises(RenderError, match="GL_INVALID_ENUM while testing"):
            gl.check("testing")
        gl.check("testing")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="EGL devices are Linux'")
class TestEgl:
    """The choice among EGL devices, played with made-up ones."""

    @staticmethod
    def devices(monkeypatch: pytest.MonkeyPatch, names: list[str]) -> list[int]:
        closed: list[int] = []

        class Device:
            def __init__(self, index: int) -> None:
                self.index, self.name, self.kind = index, names[index], renderer_kind(names[index])

            def close(self) -> None:
                closed.append(self.index)

        def open_device(index: int, *_: Any) -> Device:
            if index >= len(names):
                raise Exception("no such device")  # as glcontext does
            return Device(index)

        monkeypatch.setattr(context, "_open_device", open_device)
        monkeypatch.setattr(context, "_chosen_devices", {})
        return closed

    def test_auto_prefers_hardware(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed = self.devices(monkeypatch, ["llvmpipe", "NVIDIA H200", "NVIDIA H200"])
        assert GLContext.create("auto").name == "NVIDIA H200"
        assert closed == [0]

    def test_auto_takes_software_where_there_is_nothing_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.devices(monkeypatch, ["llvmpipe"])
        assert GLContext.create("auto").kind == "software"

    def test_a_device_is_looked_for_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        names = ["llvmpipe", "NVIDIA H200"]
        closed = self.devices(monkeypatch, names)
        assert GLContext.create("auto").name == "NVIDIA H200"
        assert GLContext.create("auto").name == "NVIDIA H200"
        assert closed == [0]
        del names[1]
        assert GLContext.create("auto").name == "llvmpipe", "one that is gone is looked for again"

    def test_software_passes_hardware_by(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed = self.devices(monkeypatch, ["NVIDIA H200", "llvmpipe"])
        assert GLContext.create("software").name == "llvmpipe"
        assert closed == [0]

    def test_hardware_never_becomes_software(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed = self.devices(monkeypatch, ["llvmpipe"])
        with pytest.raises(SetupError, match="no hardware OpenGL renderer was found; this machine has: llvmpipe") as no:
            GLContext.create("hardware")
        assert "--renderer" in (no.value.suggestion or "")
        assert closed == [0]

    def test_no_device(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.devices(monkeypatch, [])
        with pytest.raises(SetupError, match=r"no OpenGL 4\.0 context could be made: no such device") as none:
            GLContext.create("auto")
        assert none.value.component == "Compositor"

    def test_no_libraries(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(context, "_loadable", lambda *_: None)
        with pytest.raises(SetupError, match=r"libEGL\.so\.1 and libGL\.so\.1 not found") as none:
            GLContext.create("auto")
        assert none.value.exit_code == 2
        assert "apt-get install libegl1 libgl1 libgl1-mesa-dri" in (none.value.suggestion or "")
