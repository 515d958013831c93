// What the prelude uses of the language, captured before any user code runs: whatever a function does to its globals, the
// prelude goes on as written. Later code calls methods as apply(method, self, [arguments]) and uses no iteration protocol.
export const { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
export const { parse: parseJson, stringify: stringifyJson } = JSON;
export const isArray = Array.isArray;
export const { create, keys: objectKeys } = Object;
export const text = String;
export const promiseThen = Promise.prototype.then;
const promiseResolve_ = Promise.resolve;
const Promise_ = Promise;
export const promiseResolve = (value) => apply(promiseResolve_, Promise_, [value]);
export const { max } = Math;
export const push = Array.prototype.push;
export const splice = Array.prototype.splice;
export const join = Array.prototype.join;
export const { slice, startsWith, endsWith, lastIndexOf } = String.prototype;
export const { Error: Error_, TypeError: TypeError_, Uint8Array: Uint8Array_ } = globalThis;
const typedArrayTag = getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
export const isUint8Array = (value) => apply(typedArrayTag, value, []) === 'Uint8Array';

// hidden defines a property that enumeration does not show, as built-in globals are.
export const hidden = (object, name, value) =>
  defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false, __proto__: null });
// lazy makes a property that is computed when it is first used, and can be overwritten like any other.
export const lazy = (object, name, make) =>
  defineProperty(object, name, {
    get() {
      const value = make();
      hidden(object, name, value);
      return value;
    },
    set(value) {
      hidden(object, name, value);
    },
    configurable: true,
    enumerable: false,
    __proto__: null,
  });
