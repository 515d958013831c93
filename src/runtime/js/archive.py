#!/usr/bin/env python3
"""archive.py FOLDER OUTPUT PART…: a zip archive of parts of a folder: files, or of folders what Node would read. It depends on
their names and contents alone: one such archive is part of the measured image."""
import pathlib
import sys
import zipfile

folder, output = map(pathlib.Path, sys.argv[1:3])
files = []
for part in (folder / name for name in sys.argv[3:]):
    files += [part] if part.is_file() else sorted(
        path for path in part.rglob("*") if path.suffix in (".js", ".cjs", ".mjs", ".json") and path.is_file())
with zipfile.ZipFile(output, "w") as archive:
    for path in files:
        entry = zipfile.ZipInfo(str(path.relative_to(folder)), (1980, 1, 2, 0, 0, 0))
        archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
