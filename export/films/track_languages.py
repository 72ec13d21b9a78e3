"""Languages of tracks, as containers can tell them. One pure function."""

from __future__ import annotations

from reelmill.planner.languages import other_code

_QUICKTIME = """
    alb amh ara arm asm aym aze baq bel ben bul bur cat ces chi dan dut dzo eng epo est fin fra geo ger gre grn guj heb
    hin hun ice ind ita jav jpn kan kas kaz khm kin kir kor kur lao lat lav lit mac mal mar may mlg mlt mon nep nor nya
    ori orm per pol por pus que ron run rus san sin slk slv smi snd som spa swa tam tat tel tgk tgl tha tib tir tuk tur
    uig ukr urd uzb vie wel yid
"""
"""What libav writes into .mov: QuickTime numbers its languages."""
_KNOWN_TO_QUICKTIME = frozenset(_QUICKTIME.split())


def track_language(code: str, muxer: str) -> str | None:
    """The code that a file of that muxer is given for a language of ISO 639-2; None where it has none for it."""
    if muxer != "mov":
        return code
    return next((each for each in (code, other_code(code)) if each in _KNOWN_TO_QUICKTIME), None)
