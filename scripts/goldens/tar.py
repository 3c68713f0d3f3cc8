#!/usr/bin/env python3
"""Tar files in every form that Python's tarfile and GNU tar write, for the runner's reader.

    python3 scripts/goldens/tar.py

Needs GNU tar on a file system with holes. Writes test/golden/tar/*.tar and, in names.json, what Python's
tarfile finds in each: the name, offset and size of every regular file.
"""

import io
import json
import pathlib
import subprocess
import tarfile
import tempfile

FOLDER = pathlib.Path(__file__).parents[2] / "test/golden/tar"
LONG = "/".join(["a folder with a long name " * 3] * 2)
FILES = {
    "0001.jpg": b"one",
    "0001.json": b'{"label": "cat", "width": 640}',
    "0001.cls": b"7",
    "0002.png": b"x" * 512,
    "0002.txt": "zwei, \u00fc".encode(),
    f"{LONG}/0003.webp": b"three",
    "empty.jpg": b"",
    "\u00fc.jpg": b"umlaut",
}


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    formats = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
    for name, form in formats.items():
        with tarfile.open(FOLDER / f"{name}.tar", "w", format=form) as archive:
            for path, content in FILES.items():
                # The name is beyond what ustar's two fields take.
                if form != tarfile.USTAR_FORMAT or len(path) <= 100:
                    add(archive, path, content)
            if form == tarfile.USTAR_FORMAT:
                add(archive, f"{'f' * 90}/{'g' * 60}/0004.jpg", b"prefix")
            folder = tarfile.TarInfo("folder.jpg")
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
            for kind, link in ((tarfile.SYMTYPE, "sym.jpg"), (tarfile.LNKTYPE, "hard.jpg")):
                info = tarfile.TarInfo(link)
                info.type = kind
                info.linkname = "0001.jpg"
                archive.addfile(info)
            add(archive, "./last.jpg", b"last")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        with open(path / "holes.jpg", "wb") as holes:
            holes.seek(1 << 20)
            holes.write(b"end")
        (path / "whole.jpg").write_bytes(b"whole")
        for name, options in {"sparse-gnu": ["--format=gnu"], "sparse-pax": ["--format=posix"]}.items():
            subprocess.run(
                ["tar", "--create", "--sparse", *options, "--file", FOLDER / f"{name}.tar"]
                + ["--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"]
                + ["--directory", folder, "holes.jpg", "whole.jpg"],
                check=True,
            )
    found = {}
    for path in sorted(FOLDER.glob("*.tar")):
        with tarfile.open(path) as archive:
            found[path.name] = [
                [member.name.removeprefix("./"), member.offset_data, member.size]
                for member in archive
                if member.isreg() and not member.issparse()
            ]
    (FOLDER / "names.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
