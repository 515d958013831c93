// crypto: Web Crypto's random values and digests. Randomness is the enclave's; SHA-256 and SHA-512 are the runtime's own.
import { hidden, lazy, TypeError_, Uint8Array_ } from './primordials.js';

const integerTypes = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array];

export function installCrypto(host, modules) {
  hidden(Math, 'random', function random() { return host.randomDouble(); });

  const getRandomValues = (array) => {
    if (!integerTypes.some((type) => array instanceof type)) throw new TypeError_('The argument must be an integer typed array');
    if (array.byteLength > 65536) throw new DOMException('More than 65536 bytes were asked for', 'QuotaExceededError');
    host.randomFill(new Uint8Array_(array.buffer, array.byteOffset, array.byteLength));
    return array;
  };
  const randomUUID = () => {
    // RFC 9562, 5.4: version 4, variant 10.
    const bytes = host.randomFill(new Uint8Array_(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = '';
    for (let i = 0; i < 16; i++) hex += (bytes[i] < 16 ? '0' : '') + bytes[i].toString(16) + (i === 3 || i === 5 || i === 7 || i === 9 ? '-' : '');
    return hex;
  };
  const digest = async (algorithm, data) => {
    const name = String(typeof algorithm === 'object' && algorithm !== null ? algorithm.name : algorithm).toUpperCase();
    const known = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' }[name];
    if (known === undefined) throw new DOMException(`The digest '${name}' is not supported`, 'NotSupportedError');
    if (!ArrayBuffer.isView(data) && !(data instanceof ArrayBuffer)) throw new TypeError_('The data must be an ArrayBuffer or a view on one');
    const bytes = ArrayBuffer.isView(data) ? new Uint8Array_(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array_(data);
    const result = new Uint8Array_(modules.builtin('crypto').createHash(known).update(bytes).digest());
    return result.buffer;
  };
  class SubtleCrypto {
    digest(algorithm, data) { return digest(algorithm, data); }
  }
  class Crypto {
    subtle = new SubtleCrypto();
    getRandomValues(array) { return getRandomValues(array); }
    randomUUID() { return randomUUID(); }
  }
  const crypto = new Crypto();
  hidden(globalThis, 'Crypto', Crypto);
  hidden(globalThis, 'SubtleCrypto', SubtleCrypto);
  lazy(globalThis, 'crypto', () => crypto);
}
