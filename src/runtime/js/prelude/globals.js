// The globals that Node has and the language has not. Large ones are made when they are first used.
import { apply, hidden, lazy, promiseResolve, promiseThen, TypeError_ } from './primordials.js';

export function installGlobals(host, modules, timers, process) {
  hidden(globalThis, 'global', globalThis);
  hidden(globalThis, 'queueMicrotask', function queueMicrotask(callback) {
    if (typeof callback !== 'function') throw new TypeError_('The "callback" argument must be of type function');
    // Thrown errors are reported as uncaught ones, not as rejections.
    apply(promiseThen, promiseResolve(), [() => callback()]);
  });
  lazy(globalThis, 'Buffer', () => modules.builtin('buffer').Buffer);
  for (const name of ['URL', 'URLSearchParams']) lazy(globalThis, name, () => modules.polyfill('web-url', ['URL', 'URLSearchParams'])[name]);
  lazy(globalThis, 'structuredClone', () => modules.polyfill('structured-clone', ['structuredClone']).structuredClone);
  for (const name of ['AbortController', 'AbortSignal', 'Event', 'EventTarget'])
    lazy(globalThis, name, () => modules.builtin('internal/events')[name]);
}

// Atomics: the engine is built without threads, where each operation is atomic as it is.
export function installAtomics() {
  const update = (compute) => (array, index, value) => {
    const old = array[index];
    array[index] = compute(old, value);
    return old;
  };
  hidden(globalThis, 'Atomics', {
    load: (array, index) => array[index],
    store: (array, index, value) => ((array[index] = value), value),
    exchange: update((_, value) => value),
    add: update((old, value) => old + value),
    sub: update((old, value) => old - value),
    and: update((old, value) => old & value),
    or: update((old, value) => old | value),
    xor: update((old, value) => old ^ value),
    compareExchange: (array, index, expected, value) => {
      const old = array[index];
      if (old === expected) array[index] = value;
      return old;
    },
    isLockFree: (size) => size === 1 || size === 2 || size === 4 || size === 8,
    notify: () => 0,
    wait: () => { throw new TypeError_('Atomics.wait cannot be called in this context'); },
    [Symbol.toStringTag]: 'Atomics',
  });
}
