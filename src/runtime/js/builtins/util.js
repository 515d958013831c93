// node:util: formatting by Node's own code (node-inspect-extracted), the rest by the `util` package.
import * as inspecting from 'node-inspect-extracted';
import * as util from 'util';

const { inspect, format, formatWithOptions, stripVTControlCharacters } = inspecting;
export { inspect, format, formatWithOptions, stripVTControlCharacters };
export const { promisify, callbackify, inherits, deprecate, debuglog, types, isArray, isBoolean, isNull, isNullOrUndefined, isNumber, isString,
  isSymbol, isUndefined, isRegExp, isObject, isDate, isError, isFunction, isPrimitive, isBuffer, log } = util;
export const debug = debuglog;
export const TextEncoder = globalThis.TextEncoder, TextDecoder = globalThis.TextDecoder;
export const toUSVString = (value) => String(value).toWellFormed();
export const isDeepStrictEqual = (left, right) => {
  try {
    require('assert').deepStrictEqual(left, right);
    return true;
  } catch {
    return false;
  }
};
