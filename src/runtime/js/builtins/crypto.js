// node:crypto, the part that needs no keys on disk and no ciphers: random values, digests, HMAC. Digests other than SHA-256
// and SHA-512 of whole inputs, and HMAC, are @noble/hashes.
import { Buffer } from 'buffer';
import { hmac } from '@noble/hashes/hmac.js';
import { md5, sha1 } from '@noble/hashes/legacy.js';
import { pbkdf2 } from '@noble/hashes/pbkdf2.js';
import { sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { sha3_256, sha3_384, sha3_512 } from '@noble/hashes/sha3.js';

const hashes = { md5, sha1, sha224, sha256, sha384, sha512, 'sha3-256': sha3_256, 'sha3-384': sha3_384, 'sha3-512': sha3_512 };
const hashOf = (name) => {
  const key = String(name).toLowerCase().replace(/^rsa-/, '').replace(/^sha-(?=\d)/, 'sha');
  if (!Object.hasOwn(hashes, key)) throw Object.assign(new Error('Digest method not supported: ' + name), { code: 'ERR_CRYPTO_INVALID_DIGEST' });
  return key;
};
// KeyObject holds a secret for HMAC; keys of ciphers and signatures there are none.
export class KeyObject {
  #bytes;
  type = 'secret';
  constructor(bytes) { this.#bytes = bytes; }
  get symmetricKeySize() { return this.#bytes.length; }
  export() { return Buffer.from(this.#bytes); }
}
export const createSecretKey = (key, encoding) => new KeyObject(Uint8Array.from(bytesOf(key, encoding)));
const noAsymmetricKeys = () => { throw Object.assign(new Error('Asymmetric keys are not supported'), { code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM' }); };
export const createPrivateKey = noAsymmetricKeys, createPublicKey = noAsymmetricKeys, createSign = noAsymmetricKeys, createVerify = noAsymmetricKeys;

const bytesOf = (data, encoding) => {
  if (data instanceof KeyObject) return data.export();
  if (typeof data === 'string') return Buffer.from(data, encoding);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw Object.assign(new TypeError('The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView.'), { code: 'ERR_INVALID_ARG_TYPE' });
};
const encoded = (bytes, encoding) => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return encoding === undefined || encoding === 'buffer' ? buffer : buffer.toString(encoding);
};

// Digest: the runtime's own code takes a whole input at once; a second update goes on in JavaScript.
class Digest {
  #name; #first; #state;
  constructor(name) { this.#name = hashOf(name); }
  update(data, encoding) {
    const bytes = bytesOf(data, encoding);
    if (this.#state !== undefined) this.#state.update(bytes);
    else if (this.#first === undefined) this.#first = Uint8Array.from(bytes);
    else this.#state = hashes[this.#name].create().update(this.#first).update(bytes);
    return this;
  }
  copy() {
    const other = new Digest(this.#name);
    other.#first = this.#first;
    other.#state = this.#state?.clone();
    return other;
  }
  digest(encoding) {
    const whole = this.#first ?? new Uint8Array(0);
    const result = this.#state?.digest() ?? host.digest(this.#name, whole) ?? hashes[this.#name](whole);
    return encoded(result, encoding);
  }
}
class Hmac {
  #state;
  constructor(name, key) { this.#state = hmac.create(hashes[hashOf(name)], Uint8Array.from(bytesOf(key))); }
  update(data, encoding) { this.#state.update(bytesOf(data, encoding)); return this; }
  digest(encoding) { return encoded(this.#state.digest(), encoding); }
}

export const createHash = (name) => new Digest(name);
export const createHmac = (name, key) => new Hmac(name, key);
export const hash = (name, data, encoding = 'hex') => new Digest(name).update(data).digest(encoding);
export const getHashes = () => Object.keys(hashes);
export const randomFillSync = (array) => { host.randomFill(new Uint8Array(array.buffer, array.byteOffset, array.byteLength)); return array; };
export const randomBytes = (size, callback) => {
  const bytes = Buffer.from(host.randomFill(new Uint8Array(size)).buffer);
  return callback === undefined ? bytes : void queueMicrotask(() => callback(null, bytes));
};
export const randomInt = (low, high) => {
  if (high === undefined) [low, high] = [0, low];
  const range = high - low;
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || range <= 0 || range >= 2 ** 48)
    throw Object.assign(new RangeError('The value of "max" is out of range.'), { code: 'ERR_OUT_OF_RANGE' });
  const limit = 2 ** 48 - (2 ** 48 % range); // values above would make the low ones likelier
  for (;;) {
    const bytes = host.randomFill(new Uint8Array(6));
    const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    if (value < limit) return low + (value % range);
  }
};
export const timingSafeEqual = (left, right) => {
  const a = bytesOf(left), b = bytesOf(right);
  if (a.length !== b.length) throw Object.assign(new RangeError('Input buffers must have the same byte length'), { code: 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH' });
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i] ^ b[i];
  return difference === 0;
};
export const pbkdf2Sync = (password, salt, iterations, size, name) =>
  encoded(pbkdf2(hashes[hashOf(name)], Uint8Array.from(bytesOf(password)), Uint8Array.from(bytesOf(salt)), { c: iterations, dkLen: size }));
export const randomUUID = () => globalThis.crypto.randomUUID();
export const webcrypto = globalThis.crypto;
export const subtle = webcrypto.subtle;
export const getRandomValues = (array) => webcrypto.getRandomValues(array);
