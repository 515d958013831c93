// work.js: the JavaScript that bench-script measures, and that any other JavaScript server can run: main({what, n}).
function sha256(bytes) {
  // FIPS 180-4, as plainly as JavaScript has it: no host function is involved.
  const k = new Uint32Array(64), h = new Uint32Array(8), w = new Uint32Array(64);
  for (let n = 2, i = 0; i < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (!prime) continue;
    if (i < 8) h[i] = (Math.sqrt(n) % 1) * 0x100000000;
    k[i++] = (Math.cbrt(n) % 1) * 0x100000000;
  }
  const size = Math.ceil((bytes.length + 9) / 64) * 64, padded = new Uint8Array(size), view = new DataView(padded.buffer);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  view.setUint32(size - 8, Math.floor(bytes.length / 0x20000000));
  view.setUint32(size - 4, bytes.length * 8);
  for (let at = 0; at < size; at += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getUint32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15], y = w[i - 2];
      w[i] = w[i - 16] + w[i - 7] + (((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)) + (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10));
    }
    let [a, b, c, d, e, f, g, z] = h;
    for (let i = 0; i < 64; i++) {
      const t = (z + (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0;
      const u = ((((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      z = g; g = f; f = e; e = (d + t) | 0; d = c; c = b; b = a; a = (t + u) | 0;
    }
    h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e; h[5] += f; h[6] += g; h[7] += z;
  }
  return Array.from(h, (word) => word.toString(16).padStart(8, '0')).join('');
}

function json(n) {
  const items = [];
  for (let i = 0; i < n; i++) items.push({ id: (i * 7919) % n, name: 'item ' + i, tags: ['a', 'b'], price: i / 7 });
  items.sort((x, y) => x.id - y.id);
  return JSON.stringify(JSON.parse(JSON.stringify(items))).length;
}

exports.main = ({ what, n, name }) => {
  if (what === 'sha256') return { digest: sha256(new Uint8Array(n)) };
  if (what === 'json') return { size: json(n) };
  return { greeting: `Hello, ${name}!` };
};
