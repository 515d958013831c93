"""Packs Python's standard library into one archive, the same bytes whenever it runs: pack_python_library.py SOURCE ARCHIVE."""
import pathlib
import sys
import zipfile

LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "lib2to3", "ensurepip", "distutils", "config-3.11-x86_64-linux-gnu", "__pycache__", "lib-dynload", "pydoc_data"}
source = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(sys.argv[2], "w") as archive:
    for path in sorted(source.rglob("*.py")):
        name = path.relative_to(source)
        if LEFT_OUT & set(name.parts):
            continue
        entry = zipfile.ZipInfo(str(name), (2000, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, path.read_bytes())
