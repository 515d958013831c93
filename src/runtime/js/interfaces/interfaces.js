// interfaces.js: each of Node's and the web's interfaces at its edges: what a case gives here is what it gives on Node, which is asked
// when the tests are built. A case that throws gives the error's name.
const bytes = (text) => [...new TextEncoder().encode(text)];
const hex = (buffer) => Buffer.from(buffer).toString('hex');
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

exports.cases = {
  clearTimeout: async () => {
    const seen = [];
    const id = setTimeout(() => seen.push('cleared'), 1), number = setTimeout(() => seen.push('by number'), 1);
    clearTimeout(id);
    clearTimeout(+number);
    clearTimeout(id);
    clearTimeout(undefined);
    clearTimeout(null);
    clearTimeout({});
    clearTimeout('no timer');
    setTimeout((a, b) => seen.push(a + b), 1, 'x', 'y');
    await wait(20);
    return seen;
  },
  clearInterval: () => new Promise((done) => {
    let n = 0;
    const id = setInterval((step) => { n += step; if (n === 6) { clearInterval(id); setTimeout(() => done(n), 10); } }, 1, 2);
  }),
  clearIntervalOfATimeout: async () => {
    const seen = [];
    clearInterval(setTimeout(() => seen.push(1), 1));
    clearTimeout(setInterval(() => seen.push(2), 1));
    await wait(20);
    return seen;
  },
  clearImmediate: async () => {
    const seen = [];
    const first = setImmediate(() => { seen.push('first'); clearImmediate(second); });
    const second = setImmediate(() => seen.push('second'));
    clearImmediate(setImmediate(() => seen.push('third')));
    await wait(20);
    return [seen, typeof first];
  },
  timersWithoutACallback: () => setTimeout('text', 1),
  queueMicrotask: async () => {
    const seen = [];
    queueMicrotask(() => { seen.push(1); queueMicrotask(() => seen.push(2)); });
    seen.push(0);
    await wait(1);
    return seen;
  },
  queueMicrotaskOfNoFunction: () => queueMicrotask(7),
  decodesPieces: () => {
    const decoder = new TextDecoder();
    return [decoder.decode(new Uint8Array([0xe2, 0x82]), { stream: true }), decoder.decode(new Uint8Array([0xac, 0xf0, 0x9f]), { stream: true }),
      decoder.decode(new Uint8Array([0x98]), { stream: true }), decoder.decode(new Uint8Array([0x80, 65]), { stream: true }), decoder.decode()];
  },
  decodesAnUnfinishedPiece: () => {
    const decoder = new TextDecoder();
    return [decoder.decode(new Uint8Array([65, 0xe2, 0x82]), { stream: true }), decoder.decode(), decoder.decode(new Uint8Array([66]))];
  },
  decodesFatally: () => [new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xef, 0xbf, 0xbd])), new TextDecoder('utf-8', { fatal: true }).fatal],
  refusesFatally: () => new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff])),
  refusesAnUnfinishedEndFatally: () => {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    decoder.decode(new Uint8Array([0xe2, 0x82]), { stream: true });
    return decoder.decode();
  },
  takesUnfinishedPiecesFatally: () => {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    return decoder.decode(new Uint8Array([0xe2, 0x82]), { stream: true }) + decoder.decode(new Uint8Array([0xac]));
  },
  decodesByteOrderMarks: () => [new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 65])).length,
    new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf, 65])).length],
  decodesInvalidSequences: () => [[0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x28, 0xa1], [0x80, 65]].map((each) => new TextDecoder().decode(new Uint8Array(each))),
  decodesOthers: () => [new TextDecoder('utf-16le').decode(new Uint8Array([65, 0, 0x3d, 0xd8, 0, 0xde])), new TextDecoder('latin1').encoding,
    new TextDecoder('iso-8859-1').decode(new Uint8Array([0xe9])), new TextDecoder(' UTF8 ').encoding],
  refusesEncodings: () => new TextDecoder('no-such-encoding'),
  encodes: () => [bytes('\ud800x'), new TextEncoder().encodeInto('a€b', new Uint8Array(3)), bytes(undefined), bytes('😀')],
  url: () => ['http://EXAMPLE.org:80/a/./b/../c?x#y', 'https://user:p%40ss@[::1]:8443/', 'file:///C:/x/../y', 'http://ä.example/ü?ö#ß', 'data:text/plain,x',
    'http://1.2.3/', 'http://0x7f.1/', 'HTTP://a//b\\c', 'mailto:a@b', 'http://a/%7e %zz'].map((each) => {
    const url = new URL(each);
    return [url.href, url.origin, url.host, url.username, url.password, url.pathname, url.search, url.hash];
  }),
  urlBase: () => [['../x', 'http://a/b/c/d'], ['?q', 'http://a/b?r#s'], ['#h', 'http://a/b?r'], ['//c/d', 'https://a/'], ['/x', 'http://a/b'], ['', 'http://a/b#c']].map(([a, b]) => new URL(a, b).href),
  urlRefuses: () => ['', 'a', 'http://', 'http://a b/', 'http://a:99999/', 'http://[::1', '//x'].map((each) => {
    try { return new URL(each).href; } catch (error) { return [error.name, error instanceof TypeError]; }
  }),
  urlCanParse: () => [URL.canParse('http://a'), URL.canParse('a'), URL.canParse('a', 'http://b')],
  urlChanges: () => {
    const url = new URL('http://a/b?c=1#d');
    url.port = '80'; url.host = 'x:81'; url.pathname = 'ä b'; url.search = 'q=1 2'; url.hash = ''; url.searchParams.append('r', '&=+ é'); url.protocol = 'https'; url.username = 'u:';
    return [url.href, JSON.stringify(url), String(url.searchParams)];
  },
  searchParams: () => {
    const params = new URLSearchParams('?a=1&b=%20+x&a=2&=e&c&d=%zz&e=%E2%82');
    params.delete('c'); params.set('a', '3'); params.append('z', '~*-._é\u0000'); params.sort();
    return [params.toString(), [...params], params.getAll('a'), params.get('none'), params.has('b'), params.size, [...params.keys()]];
  },
  searchParamsFrom: () => [new URLSearchParams({ a: 1, b: [1, 2] }), new URLSearchParams([['a', 'b'], ['a', 'c']]), new URLSearchParams(new Map([['x', 'y']])), new URLSearchParams('a=b=c&&'), new URLSearchParams()].map(String),
  searchParamsOfNoPairs: () => new URLSearchParams([['a']]),
  base64: () => [atob(' YW\nJj '), atob('YQ'), atob('YQ=='), atob(''), btoa(''), btoa('\xff\x00'), btoa(12), btoa(null), atob('YWI')],
  base64Refuses: () => ['Y', 'YQ=', 'YQ===', '=', 'YW-j', 'Y Q = = =', 'ab=c'].map((each) => { try { return atob(each); } catch (error) { return [error.name, error.code]; } }),
  base64RefusesWideText: () => btoa('€'),
  bufferBase64: () => [Buffer.from('YW-_', 'base64').toString('hex'), Buffer.from('YW-_', 'base64url').toString('base64'), Buffer.from('Y*Q=', 'base64').toString(), Buffer.from([251, 255]).toString('base64url')],
  digests: async () => {
    const result = {};
    for (const name of ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'])
      for (const text of ['', 'abc', 'x'.repeat(200)]) result[name + text.length] = hex(await crypto.subtle.digest(name, new TextEncoder().encode(text)));
    result.object = hex(await crypto.subtle.digest({ name: 'sha-256' }, new Uint8Array([1, 2, 3]).subarray(1)));
    result.buffer = hex(await crypto.subtle.digest('SHA-256', new ArrayBuffer(2)));
    result.view = hex(await crypto.subtle.digest('SHA-256', new DataView(new ArrayBuffer(4), 1, 2)));
    return result;
  },
  digestOfAnotherName: () => crypto.subtle.digest('MD5', new Uint8Array(1)),
  digestOfAText: () => crypto.subtle.digest('SHA-256', 'text'),
  hashes: () => ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha3-256', 'sha3-512', 'SHA256'].map((name) => require('crypto').createHash(name).update('abc').digest('hex')),
  hmacs: () => ['md5', 'sha1', 'sha256', 'sha384', 'sha512'].map((name) => require('crypto').createHmac(name, 'key').update('abc').digest('base64')),
  structuredClone: () => {
    const value = { date: new Date(5), expression: /a+/gi, map: new Map([[{ a: 1 }, new Set([1, 'x'])]]), bytes: new Uint8Array([1, 2]), big: 10n, error: new RangeError('no'), none: undefined, nan: NaN, sparse: [1, , 3] };
    value.self = value;
    const copy = structuredClone(value);
    return [copy.self === copy, copy !== value, copy.date.getTime(), String(copy.expression), [...copy.map.keys()][0].a, [...[...copy.map.values()][0]], [...copy.bytes], String(copy.big),
      copy.error.name, copy.error.message, copy.error instanceof RangeError, 'none' in copy, Number.isNaN(copy.nan), copy.sparse.length, 1 in copy.sparse];
  },
  structuredCloneDropsPrototypes: () => { class A { x = 1; get y() { return 2; } } const copy = structuredClone(new A()); return [copy, copy.constructor === Object]; },
  structuredCloneOfAFunction: () => structuredClone({ f() {} }),
  structuredCloneOfASymbol: () => structuredClone(Symbol('x')),
  structuredCloneTransfers: () => { const buffer = new ArrayBuffer(4); const copy = structuredClone(buffer, { transfer: [buffer] }); return [copy.byteLength, buffer.byteLength]; },
  abort: () => {
    const controller = new AbortController(), seen = [];
    controller.signal.addEventListener('abort', (event) => seen.push(event.type, event.target === controller.signal));
    controller.signal.onabort = () => seen.push('on');
    controller.abort();
    controller.abort('again');
    return [seen, controller.signal.aborted, controller.signal.reason.name, controller.signal.reason.code];
  },
  abortWithAReason: () => { const controller = new AbortController(); controller.abort({ why: 1 }); return controller.signal.reason; },
  throwIfAborted: () => AbortSignal.abort(new RangeError('mine')).throwIfAborted(),
  abortTimeout: async () => { const signal = AbortSignal.timeout(5); const before = signal.aborted; await wait(30); return [before, signal.aborted, signal.reason.name]; },
  abortAny: () => { const a = new AbortController(), signal = AbortSignal.any([a.signal, new AbortController().signal]); a.abort(7); return [signal.aborted, signal.reason]; },
  events: () => {
    const target = new EventTarget(), seen = [];
    const listener = { handleEvent(event) { seen.push(this === listener, event.type); } };
    target.addEventListener('x', listener);
    target.addEventListener('x', listener);
    target.addEventListener('x', () => seen.push('once'), { once: true });
    target.addEventListener('x', (event) => event.preventDefault());
    const first = target.dispatchEvent(new Event('x', { cancelable: true }));
    target.removeEventListener('x', listener);
    return [seen, first, target.dispatchEvent(new Event('x')), seen.length];
  },
  errorStacks: () => {
    class Refusal extends Error {
      constructor(message) {
        super(message);
        this.name = 'Refusal';
        Error.captureStackTrace(this, Refusal);
      }
    }
    const captured = { name: 'Mine', message: 'text' }, changed = new Error('changed'), limit = Error.stackTraceLimit;
    Error.captureStackTrace(captured);
    changed.stack = 7;
    Error.stackTraceLimit = 0;
    const bare = new Error('bare').stack;
    Error.stackTraceLimit = limit;
    Error.prepareStackTrace = (error, sites) => [String(error), Array.isArray(sites)];
    const prepared = new Error('prepared').stack;
    Error.prepareStackTrace = undefined;
    const stacks = [new Error('plain'), new RangeError('two\nlines'), new Error(''), new Refusal('no'), new AggregateError([], 'all'), captured].map((each) => each.stack);
    return [stacks.map((stack) => stack.slice(0, stack.indexOf('\n    at '))), stacks.map((stack) => stack.endsWith('\n')), /^    at .*:\d+:\d+\)?$/m.test(stacks[0]),
      changed.stack, Object.keys(changed), Object.keys(captured), bare, prepared, Object.create(Error.prototype).stack ?? null];
  },
  capturesNoStackOfAText: () => Error.captureStackTrace('text'),
  processEvents: () => {
    const seen = [], listener = (value) => seen.push('on' + value);
    process.on('mine', listener);
    process.once('mine', (value) => seen.push('once' + value));
    process.prependListener('mine', (value) => seen.push('first' + value));
    const emitted = [process.emit('mine', 1), process.emit('mine', 2)];
    process.off('mine', listener);
    emitted.push(process.listenerCount('mine'), process.emit('mine', 3), process.emit('nobody'));
    const once = () => seen.push('never');
    process.once('other', once);
    emitted.push(process.listeners('other')[0] === once);
    process.removeListener('other', once);
    process.removeAllListeners('mine');
    return [seen, emitted, process.emit('other'), process.listenerCount('mine')];
  },
};

// outcome is what a case gives, as one line.
exports.outcome = async (name) => {
  try {
    return JSON.stringify({ gives: (await exports.cases[name]()) ?? null });
  } catch (error) {
    return JSON.stringify({ throws: error.name });
  }
};

exports.main = async ({ name }) => ({ outcome: await exports.outcome(name) });
