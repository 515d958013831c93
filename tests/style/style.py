#!/usr/bin/env python3
"""style.py: the rules of STYLE.md that a program can check. Prints every violation; exit code 1 if there is one.

usage: style.py CHECK… [--build DIR], where CHECK is readme, sizes, words, specification, surface, packages, headers, images, insecure; without any: all that
need no build. Trust: a tool of the developers; reads the tree, writes only into the build directory.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE = (".h", ".cc", ".c", ".cpp", ".S")
MEASURED_MAX = {"example_hello.sgx": 2 << 20, "js.sgx": 7 << 19}  # bytes
WITH_CONTENT = (b"EEXTEND\0", b"UNMEASRD")  # records that 256 bytes of a page follow
INSECURE_MARK = b"clemmys insecure build: "
LINES_MAX, LINES_WARN = 350, 150
BANNED_NAME = re.compile(r"\b(?:class|struct|enum|namespace|concept)\s+(?:class\s+)?\w*(?:Manager|Helper|Util)\w*")
BANNED_FILE = re.compile(r"manager|helper|util", re.IGNORECASE)
BANNED_NOTE = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
# Documents that name tests, and the suites of the names that stand without one in their tables.
TEST_DOCUMENTS = {
    "SPECIFICATION.md": set(),
    "docs/threat-model.md": {"Hostile"},
    "docs/host-surface.md": set(),
    "docs/softsgx-deviations.md": {"Deviation", "sgx"},
    "tests/security/README.md": {"Hostile", "HostileState", "Unsealed", "KeysForAll"},
}
NO_TESTS = {"insecure_file_anchor"}  # what else their tables have between backquotes
# Packages that every compiler package brings along.
IMPLIED = {"libc6-dev", "linux-libc-dev", "libstdc++-12-dev", "libgcc-12-dev", "libclang-common-19-dev"}


def tree():
    """Every file that git knows or would add."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    return [pathlib.Path(name) for name in sorted(names) if name and (ROOT / name).is_file()]


def code():
    return [path for path in tree() if path.suffix in CODE]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def check_readme(_):
    """Each folder of code, down to the second level, says its purpose and trust."""
    folders = {pathlib.Path(*path.parts[:1 if path.parts[0] == "sdk" else 2]) for path in code() if len(path.parts) > 2}
    for folder in sorted(folders):
        if not (ROOT / folder / "README.md").is_file():
            yield f"{folder}: has no README.md"


def check_sizes(_):
    for path in code():
        lines = read(path).count("\n")
        if lines > LINES_MAX:
            yield f"{path}: {lines} lines, more than {LINES_MAX}: split it"
        elif lines > LINES_WARN:
            print(f"note: {path}: {lines} lines")


def check_words(_):
    for path in code():
        if BANNED_FILE.search(path.name):
            yield f"{path}: a name that says nothing"
        for number, line in enumerate(read(path).splitlines(), 1):
            if BANNED_NAME.search(line):
                yield f"{path}:{number}: a type name that says nothing"
            if BANNED_NOTE.search(line):
                yield f"{path}:{number}: an unfinished note; file an issue instead"


def declared_tests():
    """(test → its suites, all names of ctest) of the tree. A test of tests/sgx is of suite "sgx"."""
    suites, programs = {}, set()
    for path in tree():
        if path.suffix in CODE:
            for suite, name in re.findall(r"^\s*(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)", read(path), re.M):
                suites.setdefault(name, set()).add(suite)
            if path.parts[:2] == ("tests", "sgx"):
                for name in re.findall(r"^TEST\((\w+)\)", read(path), re.M):
                    suites.setdefault(name, set()).add("sgx")
        elif path.name == "CMakeLists.txt":
            programs |= set(re.findall(r"(?:clemmys_test\(|add_test\(NAME )(\w+)", read(path)))
    return suites, programs


def check_specification(_):
    """Every test that the documents name exists; every promise has a number of its own."""
    suites, programs = declared_tests()
    for document, own in TEST_DOCUMENTS.items():
        text = read(document)
        for suite, name in re.findall(r"`([A-Z]\w+)\.([A-Z]\w+|\*)`", text):
            if suite not in (suites.get(name, ()) if name != "*" else set().union(*suites.values())):
                yield f"{document}: there is no test {suite}.{name}"
        columns = None  # those of the table at hand that name tests
        for line in text.splitlines():
            cells = line.split("|")
            if not line.startswith("|"):
                columns = None
                continue
            if columns is None:
                columns = [number for number, cell in enumerate(cells) if re.match(r" (tests?|counterpart|shown by)\b", cell, re.I)]
                continue
            for name in re.findall(r"`(\w+)`", " ".join(cells[number] for number in columns)):
                if own and name not in programs and not own & suites.get(name, set()) and name not in NO_TESTS:
                    yield f"{document}: there is no test {name} in {', '.join(sorted(own))}"
    numbers = re.findall(r"^\| ([A-Z]\d+) \|", read("SPECIFICATION.md"), re.M)
    for number in sorted(set(numbers)):
        if numbers.count(number) > 1:
            yield f"SPECIFICATION.md: {number} stands for two promises"


def check_surface(_):
    """docs/host-surface.md names every call that leaves an enclave, and no other."""
    source = read("src/shield/forwarded.h")
    listed = re.findall(r"\{__NR_\w+, \"(\w+)\"", source) + re.findall(r"\{OwnCall::\w+, \"(\w+)\"\}", source)
    rows = re.findall(r"^\| ((?:`\w+` ?)+)\|", read("docs/host-surface.md").split("## Messages")[0], re.M)
    named = re.findall(r"`(\w+)`", " ".join(rows))
    if len(listed) < 40:
        yield "src/shield/forwarded.h: the calls were not found: has its form changed?"
    for name in sorted(set(listed) ^ set(named)):
        yield f"docs/host-surface.md and src/shield/forwarded.h disagree about {name}"


def check_packages(_):
    """Every system header that we include belongs to a package that ./dev installs."""
    listed = set(re.findall(r"[a-z0-9][a-z0-9+.-]+", re.search(r"packages=\((.*?)\n\)", read("dev"), re.S)[1]))
    includes = {}
    for path in code():
        for name in re.findall(r"^\s*#\s*include\s*<([^>]+)>", read(path), re.M):
            includes.setdefault(name, path)
    roots = [pathlib.Path(root) for root in ("/usr/include", "/usr/include/x86_64-linux-gnu")]
    found = {}  # file → the include that means it
    for name in sorted(includes):
        file = next((str(root / name) for root in roots if (root / name).is_file()), None)
        if file:  # else the compiler's own, or ours
            found[file] = name
    owners = subprocess.run(["dpkg-query", "-S", *found], capture_output=True, text=True, check=False).stdout
    for line in owners.splitlines():
        package, _, file = line.rpartition(": ")
        package = package.split(":")[0]
        if file in found and package not in listed | IMPLIED:
            yield f"{includes[found[file]]}: <{found[file]}> is from {package}, which ./dev does not install"


def check_headers(arguments):
    """Each header compiles alone. ccache makes the second run quick."""
    work = arguments.build / "style"
    work.mkdir(parents=True, exist_ok=True)
    flags = ["-std=gnu++23", "-O0", "-w", '-DCLEMMYS_BINARY_DIR=""', '-DCLEMMYS_SOURCE_DIR=""',
             f"-I{ROOT}/src", f"-I{ROOT}/sdk/include", f"-I{arguments.build}/generated",
             f"-I{arguments.build}/src/runtime/js"]  # the translated QuickJS

    def compile_one(path):
        stem = str(path).replace("/", "__")
        unit = work / f"{stem}.cc"
        text = f'#include "{ROOT / path}"\n'
        if not unit.is_file() or unit.read_text() != text:
            unit.write_text(text)
        result = subprocess.run(["ccache", "clang++-19", *flags, "-c", str(unit), "-o", str(work / f"{stem}.o")],
                                capture_output=True, text=True, check=False)
        return None if result.returncode == 0 else f"{path}: does not compile alone:\n{result.stderr[:2000]}"

    headers = [path for path in code() if path.suffix == ".h"]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from (problem for problem in pool.map(compile_one, headers) if problem)


def image_records(data):
    """(tag, position) of every record of an image's SGXS stream (src/enclave/image.h)."""
    size = int.from_bytes(data[-8:], "little")
    position = 0
    while position < size:
        tag = data[position:position + 8]
        yield tag, position
        position += 64 + (256 if tag in WITH_CONTENT else 0)


def image_pages(data):
    """(offset, flags) of every EADD record."""
    for tag, position in image_records(data):
        if tag == b"EADD\0\0\0\0":
            yield (int.from_bytes(data[position + 8:position + 16], "little"),
                   int.from_bytes(data[position + 16:position + 24], "little"))


def image_content(data):
    """What the pages hold, without the records between them."""
    return b"".join(data[position + 64:position + 64 + 256] for tag, position in image_records(data) if tag in WITH_CONTENT)


def check_insecure(arguments):
    """Rules are missing (tests/security/insecure) in programs and images that are named so, and in no others."""
    programs = {path: path.read_bytes() for path in (arguments.build / "bin").iterdir() if path.is_file()}
    images = {path: image_content(path.read_bytes()) for path in (arguments.build / "images").glob("*.sgx")}
    for path, content in sorted((programs | images).items()):
        named = path.name.startswith(("insecure-", "insecure_"))
        if (INSECURE_MARK in content) != named:
            yield f"{path.name}: {'lacks' if named else 'has'} the mark of a build without rules"
    if not any(path.name.startswith("insecure_") for path in images):
        yield "no insecure image was built: this check would see nothing"


def check_images(arguments):
    """No page of an image is both writable and executable (SECINFO flags: R 1, W 2, X 4); the measured bytes of some."""
    images = sorted((arguments.build / "images").glob("*.sgx"))
    if not images:
        yield "no images were built"
    for name, limit in MEASURED_MAX.items():
        measured = 256 * sum(tag == b"EEXTEND\0" for tag, _ in image_records((arguments.build / "images" / name).read_bytes()))
        if not 0 < measured <= limit:
            yield f"{name}: {measured} bytes are measured, at the most {limit} should be"
    for image in images:
        pages = list(image_pages(image.read_bytes()))
        if not pages:
            yield f"{image.name}: no pages found: is the format known to this test?"
        for offset, flags in pages:
            if flags & 6 == 6:
                yield f"{image.name}: page {offset:#x} is writable and executable"


def main():
    checks = {"readme": check_readme, "sizes": check_sizes, "words": check_words, "specification": check_specification,
              "surface": check_surface, "packages": check_packages,
              "headers": check_headers, "images": check_images, "insecure": check_insecure}
    parser = argparse.ArgumentParser()
    parser.add_argument("checks", nargs="*", choices=[[], *checks])
    parser.add_argument("--build", type=pathlib.Path)
    arguments = parser.parse_args()
    wanted = arguments.checks or [name for name in checks if name not in ("headers", "images", "insecure")]
    problems = [problem for name in wanted for problem in checks[name](arguments)]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
