#!/usr/bin/env python3
"""pack.py FOLDER OUTPUT: the action's archive: index.js, package.json, and of node_modules what Node would read."""
import pathlib
import sys
import zipfile

folder, output = map(pathlib.Path, sys.argv[1:])
files = [folder / "index.js", folder / "package.json"]
files += sorted(path for path in (folder / "node_modules").rglob("*")
                if path.suffix in (".js", ".cjs", ".mjs", ".json") and path.is_file())
with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
    for path in files:
        archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder)), (1980, 1, 2, 0, 0, 0)), path.read_bytes(), zipfile.ZIP_DEFLATED, 1)
