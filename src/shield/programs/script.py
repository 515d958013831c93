# What the test has CPython do: language, standard library, threads, files.
import array, collections, datetime, functools, gzip, io, itertools, json, math, os, pickle, queue, random, re
import string, struct, sys, textwrap, threading, zlib

print(sys.version.split()[0], sys.maxsize, os.getcwd(), os.getpid() > 0)
random.seed(5)
words = ["".join(random.choices(string.ascii_lowercase, k=5)) for _ in range(20000)]
print(collections.Counter(w[0] for w in words).most_common(3), sorted(words)[:2])
text = json.dumps({"words": words[:100], "pi": math.pi, "none": None}, sort_keys=True)
print(len(text), json.loads(text)["words"][7], re.sub(r"(\w)(\w+)", r"\2\1", "hello world"))
print(zlib.crc32(text.encode()), pickle.loads(pickle.dumps((1, {"a": [2.5]}))), struct.pack(">Hd", 7, 1.25).hex())
print(math.isqrt(2 * 10**60), 2**521 - 1)
print(datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc).isoformat(), textwrap.shorten("a long line of text", 12))


class Node:
    def __init__(self, next=None):
        self.next = next


@functools.lru_cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


chain = functools.reduce(lambda tail, _: Node(tail), range(1000), None)
print(fib(90), sum(1 for _ in iter(lambda: globals().__setitem__("chain", chain.next) or chain, None)))
jobs, results = queue.Queue(), queue.Queue()


def work():
    while (n := jobs.get()) is not None:
        results.put(n * n)


threads = [threading.Thread(target=work) for _ in range(6)]
for t in threads:
    t.start()
for n in range(2000):
    jobs.put(n)
for _ in threads:
    jobs.put(None)
for t in threads:
    t.join()
print(sum(results.get() for _ in range(2000)))


try:
    raise ValueError("v") from KeyError("k")
except ValueError as error:
    print(repr(error), repr(error.__cause__))
root = sys.argv[1]
with gzip.open(root + "/py.gz", "wt") as out:
    out.write("line\n" * 1000)
with gzip.open(root + "/py.gz", "rt") as back:
    print(sum(1 for _ in back), os.path.exists(root + "/none"), sorted(os.listdir(root))[:1] != [])
os.rename(root + "/py.gz", root + "/py2.gz")
os.remove(root + "/py2.gz")
print(list(itertools.islice(itertools.permutations("abc"), 3)), array.array("d", [1.5]).tobytes().hex(), io.StringIO("x\ny").readlines())
sys.exit(4)
