// TextEncoder and TextDecoder (encoding.spec.whatwg.org): UTF-8 by the engine; UTF-16LE and Latin-1 here.
import { apply, hidden, TypeError_, Uint8Array_ } from './primordials.js';

const labels = new Map([
  ['utf-8', 'utf-8'], ['utf8', 'utf-8'], ['unicode-1-1-utf-8', 'utf-8'], ['utf-16le', 'utf-16le'], ['utf-16', 'utf-16le'],
  ['ucs-2', 'utf-16le'], ['latin1', 'windows-1252'], ['iso-8859-1', 'windows-1252'], ['ascii', 'windows-1252'], ['us-ascii', 'windows-1252'],
  ['windows-1252', 'windows-1252'],
]);

const bytesOf = (input) => {
  if (input === undefined) return new Uint8Array_(0);
  if (ArrayBuffer.isView(input)) return new Uint8Array_(input.buffer, input.byteOffset, input.byteLength);
  if (input instanceof ArrayBuffer || Object.prototype.toString.call(input) === '[object SharedArrayBuffer]') return new Uint8Array_(input);
  throw new TypeError_('The input must be an ArrayBuffer or a view on one');
};

// completeSize is how many bytes of `bytes` end with a whole UTF-8 sequence (RFC 3629): the rest waits for the next chunk.
function completeSize(bytes) {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) break;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

// repaired decodes what may be malformed: each longest start of a sequence, and each byte that starts none, is one U+FFFD.
function repaired(bytes) {
  let result = '';
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i++];
    const more = lead < 0xc2 || lead > 0xf4 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    // The second byte's range keeps out overlong forms, surrogates, and what is above U+10FFFF.
    let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80, high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    let code = more === 0 ? lead : lead & (0x3f >> more), left = more;
    for (; left > 0 && bytes[i] >= low && bytes[i] <= high; left--, low = 0x80, high = 0xbf) code = (code << 6) | (bytes[i++] & 0x3f);
    result += left > 0 || (more === 0 && lead >= 0x80) ? '\ufffd' : String.fromCodePoint(code);
  }
  return result;
}

export function installEncoding(host) {
  class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(input = '') { return host.encodeUtf8(String(input).toWellFormed()); }
    encodeInto(input, target) {
      const source = String(input);
      let read = 0, written = 0;
      for (const character of source) {
        const bytes = this.encode(character);
        if (written + bytes.length > target.length) break;
        target.set(bytes, written);
        written += bytes.length;
        read += character.length;
      }
      return { read, written };
    }
  }

  class TextDecoder {
    #encoding; #fatal; #ignoreBom; #rest = new Uint8Array_(0); #begun = false;
    constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
      this.#encoding = labels.get(String(label).trim().toLowerCase());
      if (this.#encoding === undefined) throw new RangeError(`The encoding '${label}' is not supported`);
      this.#fatal = Boolean(fatal);
      this.#ignoreBom = Boolean(ignoreBOM);
    }
    get encoding() { return this.#encoding; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#ignoreBom; }
    decode(input, { stream = false } = {}) {
      let bytes = bytesOf(input);
      if (this.#rest.length > 0) {
        const joined = new Uint8Array_(this.#rest.length + bytes.length);
        joined.set(this.#rest);
        joined.set(bytes, this.#rest.length);
        bytes = joined;
      }
      const unit = this.#encoding === 'utf-16le' ? bytes.length & ~1 : this.#encoding === 'utf-8' ? completeSize(bytes) : bytes.length;
      const size = stream ? unit : bytes.length;
      this.#rest = bytes.slice(size);
      let result = this.#decodeWhole(bytes.subarray(0, size));
      if (!this.#begun && !this.#ignoreBom && result.charCodeAt(0) === 0xfeff) result = result.slice(1);
      this.#begun = stream && (this.#begun || size > 0);
      return result;
    }
    #decodeWhole(bytes) {
      if (this.#encoding === 'utf-8') {
        const result = host.decodeUtf8(bytes);
        if (this.#fatal && result.includes('\ufffd') && !sameBytes(host.encodeUtf8(result), bytes))
          throw new TypeError_('The encoded data was not valid for encoding utf-8');
        return result.isWellFormed() && !result.includes('\ufffd') ? result : repaired(bytes);
      }
      const step = this.#encoding === 'utf-16le' ? 2 : 1;
      if (this.#fatal && bytes.length % step !== 0) throw new TypeError_('The encoded data was not valid for encoding utf-16le');
      let result = '';
      for (let at = 0; at < bytes.length; at += 8192) {
        const units = [];
        for (let i = at; i < Math.min(at + 8192, bytes.length); i += step)
          units.push(step === 1 ? windows1252(bytes[i]) : i + 1 < bytes.length ? bytes[i] | (bytes[i + 1] << 8) : 0xfffd);
        result += apply(String.fromCharCode, undefined, units);
      }
      return step === 2 ? result.toWellFormed() : result;
    }
  }
  hidden(globalThis, 'TextEncoder', TextEncoder);
  hidden(globalThis, 'TextDecoder', TextDecoder);
}

// windows1252: index of encoding.spec.whatwg.org for 0x80 to 0x9f; all else is Latin-1.
const upper = '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';
const windows1252 = (byte) => (byte >= 0x80 && byte <= 0x9f ? upper.charCodeAt(byte - 0x80) : byte);

function sameBytes(left, right) {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}
