#!/usr/bin/python3
"""demo.py: a photograph through three enclaves, and what the untrusted side saw of it. Called by ./dev demo after the build.

Starts a platform of its own on a free port with a state folder of its own, shows every command that it runs, and ends and removes
everything but build/release/photos. Trust: none; it is a user with a terminal.
"""
import base64
import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("CLEMMYS_BUILD", HERE.parents[1] / "build" / "release"))
CLEMMYS = BUILD / "bin" / "clemmys"
OUT = BUILD / "photos"
STEPS = ("scale", "detect", "report")
SHARED = ["pixels.cc", "corners.cc", "steps.cc"]
LIBRARIES = ["-lturbojpeg", "-lpng", "-lz", "-lboost_json"]


def title(text):
    print(f"\n\033[1m── {text}\033[0m" if sys.stdout.isatty() else f"\n── {text}", flush=True)


def end_with_parent():
    """The platform ends with this program, however that ends (prctl, PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Demo:
    def __init__(self, folder):
        self.folder = folder
        self.environment = {**os.environ, "CLEMMYS_CONFIG": str(folder / "config"), "XDG_DATA_HOME": str(folder / "data")}
        self.platform = None

    def clemmys(self, *arguments, show=True, capture=False):
        if show:
            print("$ clemmys " + " ".join(str(argument).replace(str(self.folder), "$TMP") for argument in arguments), flush=True)
        result = subprocess.run([str(CLEMMYS), *map(str, arguments)], env=self.environment, check=False, text=True, cwd=HERE,
                                stdout=subprocess.PIPE if capture else None)
        if result.returncode != 0:
            raise SystemExit(f"demo: clemmys {arguments[0]} failed with exit code {result.returncode}")
        return result.stdout

    def ask(self, *arguments):
        return json.loads(self.clemmys("--json", *arguments, show=False, capture=True))

    def start(self):
        state = self.folder / "platform"
        arguments = ["up", "--state", str(state), "--listen", "127.0.0.1:0", "--observe", str(self.folder / "observed")]
        print("$ clemmys " + " ".join(arguments).replace(str(self.folder), "$TMP") + " &", flush=True)
        self.platform = subprocess.Popen([str(CLEMMYS), *arguments], env=self.environment, start_new_session=True,
                                         preexec_fn=end_with_parent)
        while not (state / "ready").exists():
            if self.platform.poll() is not None:
                raise SystemExit("demo: the platform did not start; see above")
            time.sleep(0.05)
        return (state / "url").read_text().strip()

    def stop(self):
        if self.platform and self.platform.poll() is None:
            self.platform.send_signal(signal.SIGTERM)
            try:
                self.platform.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.platform.kill()
                self.platform.wait()


def show_report(report):
    title("The report")
    original = report["original"]
    print(f"  photograph   {original['width']} × {original['height']} pixels, worked on at {report['width']} × {report['height']}")
    print(f"  corners      {report['count']}; the strongest at " +
          ", ".join(f"({x}, {y})" for x, y in report["corners"][:5]))
    picture = OUT / "annotated.png"
    picture.write_bytes(base64.b64decode(report["picture_png_base64"]))
    print(f"  picture      {picture}")


def show_timings(demo, record, components):
    title("Timings: in the step from its sealed record, of its enclave's start from the untrusted node")
    starts = demo.ask("enclave", "stats")["controller"].get("latest_cold_starts", [])
    for component, start in zip(components, starts[-len(components):] or [None] * len(components)):
        phases = ", ".join(f"{name.removesuffix('_ms')} {value:.0f}" for name, value in (start or {}).items()
                           if value is not None and name not in ("total_ms", "ready_ms"))
        begun = f"; cold start before it {start['total_ms']:.0f} ms ({phases})" if start else ""
        print(f"  {component['name']:<8} {component['duration']:>4} ms{begun}")
    print(f"  {'photos':<8} {record['duration']:>4} ms: the sum of the steps")


def side_by_side(left, right, width=56):
    def wrapped(lines):
        return [piece for line in lines for piece in (textwrap.wrap(line, width, subsequent_indent="  ") or [""])]
    left, right = wrapped(left), wrapped(right)
    print(f"  {'WHAT THE CLIENT SAW':<{width}} │ WHAT THE CONTROLLER SAW")
    print(f"  {'─' * width}─┼─{'─' * width}")
    for row in range(max(len(left), len(right))):
        print(f"  {left[row] if row < len(left) else '':<{width}} │ {right[row] if row < len(right) else ''}")


def client_view(activation, photo, report):
    return ["invoke photos (scale → detect → report)", f"activation {activation}", "",
            f"sent: photo.jpg, {len(photo):,} bytes, beginning", f"  {photo[:24].hex()}", "  (a JPEG file: ff d8 ff)", "",
            f"got: {report['count']} corners, {len(report['picture_png_base64']):,} letters of picture",
            f"  the strongest corner at ({report['corners'][0][0]}, {report['corners'][0][1]})", "",
            "names, parameters, pixels, logs: all plain here,", "and inside the three functions' enclaves."]


def controller_view(demo, activation):
    lines, seen = [], 0
    for path in sorted((demo.folder / "observed").iterdir()):
        header = demo.ask("envelope", "show", path)
        if header["activation"] != activation:
            continue
        seen += 1
        payload = path.read_bytes()[170:]
        lines += [f"{header['kind']}, step {header['step']} of {header['steps']}" +
                  (f", start image {header['image'][:16]}…" if header["kind"] == "request" else ""),
                  f"  for {header['receiver'][:16]}…" if header["kind"] == "request" else "  for the gateway",
                  f"  {header['ciphertext_bytes']:,} bytes: {payload[:16].hex()}…"]
    if not seen:
        raise SystemExit("demo: no envelope of this activation was observed")
    return [f"activation {activation}", f"chain {header['chain']}", ""] + lines


def search_leaks(demo, photo, report):
    """Looks for the photograph, the result and the names in every byte that the untrusted side received or wrote."""
    corners = json.dumps(report["corners"][:3], separators=(",", ":")).encode()
    needles = [photo[at:at + 16] for at in range(2048, len(photo) - 16, len(photo) // 64)]
    needles += [corners[1:-1], report["picture_png_base64"][1000:1024].encode(), b"photos", b"detect"]
    files, size, found = 0, 0, []
    for root in (demo.folder / "observed", demo.folder / "platform" / "node", demo.folder / "platform" / "logs"):
        for path in root.rglob("*"):
            if path.is_file() and path.suffix != ".sgx" and "images" not in path.parts:
                content = path.read_bytes()
                files, size = files + 1, size + len(content)
                found += [f"{path.name}: {needle!r}" for needle in needles if needle in content]
    title("Searched all that the controller received, stored and logged")
    print(f"  {files} files, {size:,} bytes, for the photograph, the corners, the picture and the names: " +
          ("FOUND: " + "; ".join(found[:5]) if found else "nothing found"))
    return not found


def run(demo):
    title("A platform on this machine")
    url = demo.start()
    title("Verify it: is this the key service that was built here?")
    measurement = demo.ask("enclave", "show", BUILD / "images" / "kms.sgx")["measurement"]
    demo.clemmys("trust", "add", url, "--insecure-accept-software-sgx", "--expect-measurement", measurement)
    title("Three C++ functions, each an enclave image, and a sequence")
    for step in STEPS:
        image = demo.folder / f"{step}.sgx"
        demo.clemmys("build", f"{step}.cc", *SHARED, *[f"--library={name}" for name in LIBRARIES], "-o", image)
        demo.clemmys("deploy", image, "--name", step)
    demo.clemmys("sequence", "create", "photos", *STEPS)

    title("Send the photograph")
    OUT.mkdir(exist_ok=True)
    demo.clemmys("invoke", "photos", "--file", "photo.jpg", "-o", OUT / "report.json")
    photo, report = (HERE / "photo.jpg").read_bytes(), json.loads((OUT / "report.json").read_text())
    show_report(report)
    record = next(entry for entry in demo.ask("activations") if entry["name"] == "photos")
    record = demo.ask("activations", record["activationId"])
    show_timings(demo, record, [demo.ask("activations", name) for name in record["logs"]])
    title("The same activation from both sides")
    side_by_side(client_view(record["activationId"], photo, report), controller_view(demo, record["activationId"]))
    return search_leaks(demo, photo, report)


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="clemmys-demo-"))
    demo = Demo(folder)
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: sys.exit(130))
    try:
        good = run(demo)
    finally:
        title("Ending everything")
        demo.stop()
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
