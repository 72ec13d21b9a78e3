"""One hash means one content, also for files that differ where the sampled hash does not look."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reelmill.decoders.files.file_hash import BLOCK_BYTES, BLOCKS, file_hash, told_apart
from tests.support.timelines import video


def test_files_that_differ_between_the_samples_are_told_apart(tmp_path: Path) -> None:
    size = 4 * BLOCKS * BLOCK_BYTES
    content = bytearray(size)
    names = {"one": content.copy(), "retouched": content.copy(), "copy": content.copy(), "other": bytearray(b"x")}
    names["retouched"][BLOCK_BYTES + 100] = 1
    facts = {}
    for name, data in names.items():
        (tmp_path / name).write_bytes(data)
        path = str(tmp_path / name)
        facts[name] = replace(video(name, 5), path=path, file_hash=file_hash(path))
    assert facts["one"].file_hash == facts["retouched"].file_hash
    apart = told_apart(facts)
    assert apart["one"].file_hash == apart["copy"].file_hash != apart["retouched"].file_hash
    # What shares its hash with nothing is not read in full.
    assert apart["other"] is facts["other"]


def test_one_file_under_two_names_is_one_and_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    facts = {
        name: replace(video(name, 5), path=str(tmp_path / name), file_hash=file_hash(str(tmp_path / name)))
        for name in ("file", "link")
    }
    assert told_apart(facts) == facts
