// work.js: the functions of `./dev bench js`, the same text on every platform; none uses more than the language itself.
const work = {
  hello: (p) => ({ greeting: `Hello, ${p.name}!` }),

  // json: a thousand objects are made, sorted, written and read.
  json: () => {
    const list = [];
    for (let i = 0; i < 1000; ++i) list.push({ key: (i * 7919) % 1000, value: "x" + i });
    list.sort((a, b) => a.key - b.key);
    return { size: JSON.stringify(JSON.parse(JSON.stringify(list))).length };
  },

  // sha256 of 1 MiB (FIPS 180-4), in JavaScript.
  sha256: () => {
    const k = [], h = [];
    for (let n = 2; k.length < 64; ++n) {
      let prime = true;
      for (let d = 2; d * d <= n; ++d) prime = prime && n % d !== 0;
      if (!prime) continue;
      if (h.length < 8) h.push((Math.sqrt(n) % 1) * 2 ** 32 | 0);
      k.push((Math.cbrt(n) % 1) * 2 ** 32 | 0);
    }
    const size = 1 << 20, data = new Uint8Array(size + 64), w = new Int32Array(64);
    for (let i = 0; i < size; ++i) data[i] = i * 31;
    data[size] = 0x80;
    new DataView(data.buffer).setUint32(data.length - 4, size * 8);
    for (let at = 0; at < data.length; at += 64) {
      for (let i = 0; i < 16; ++i) w[i] = data[at + 4 * i] << 24 | data[at + 4 * i + 1] << 16 | data[at + 4 * i + 2] << 8 | data[at + 4 * i + 3];
      for (let i = 16; i < 64; ++i) {
        const x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10);
      }
      let [a, b, c, d, e, f, g, t] = h;
      for (let i = 0; i < 64; ++i) {
        const one = t + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (e & f ^ ~e & g) + k[i] + w[i] | 0;
        const two = ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ a & c ^ b & c) | 0;
        t = g; g = f; f = e; e = d + one | 0; d = c; c = b; b = a; a = one + two | 0;
      }
      [a, b, c, d, e, f, g, t].forEach((value, i) => { h[i] = h[i] + value | 0; });
    }
    return { sha256: h.map((value) => (value >>> 0).toString(16).padStart(8, "0")).join("") };
  },
};
