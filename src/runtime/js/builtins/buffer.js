// buffer: the npm package, and the encoding base64url (RFC 4648, section 5), which it does not know.
import { Buffer } from 'buffer/index.js';

export * from 'buffer/index.js';
export const { atob, btoa } = globalThis;
export const constants = { MAX_LENGTH: 0x7fffffff, MAX_STRING_LENGTH: 0x1fffffff };

const isUrl = (encoding) => typeof encoding === 'string' && encoding.toLowerCase() === 'base64url';
const known = (encoding) => (isUrl(encoding) ? 'base64' : encoding); // which reads both alphabets
const { from, isEncoding, byteLength } = Buffer, { toString, write } = Buffer.prototype;
Buffer.from = (value, encoding, length) => from(value, known(encoding), length);
Buffer.isEncoding = (encoding) => isUrl(encoding) || isEncoding(encoding);
Buffer.byteLength = (value, encoding) => byteLength(value, known(encoding));
Buffer.prototype.write = function (...values) { return write.apply(this, values.map((value, i) => (i > 0 ? known(value) : value))); };
Buffer.prototype.toString = function (...values) {
  if (!isUrl(values[0])) return toString.apply(this, values);
  return toString.call(this, 'base64', ...values.slice(1)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
};
