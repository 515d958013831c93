// process: as much as packages ask of it. The environment holds OpenWhisk's values and nothing of the machine's.
import { apply, create, hidden, objectKeys, promiseResolve, promiseThen, text } from './primordials.js';

export class ExitRequest {
  constructor(code) { this.code = code; }
}

export function makeProcess(host) {
  const env = {};
  let origin = 0;
  const hrtime = (since) => {
    const now = host.now() - origin;
    const seconds = Math.floor(now / 1000), nanoseconds = Math.floor((now % 1000) * 1e6);
    if (since === undefined) return [seconds, nanoseconds];
    const borrow = nanoseconds < since[1] ? 1 : 0;
    return [seconds - since[0] - borrow, nanoseconds - since[1] + borrow * 1e9];
  };
  hrtime.bigint = () => BigInt(Math.floor((host.now() - origin) * 1e6));
  const listeners = create(null); // a list is replaced, never changed: whoever goes through one may add and remove
  const add = (name, listener, first) => {
    const before = listeners[name] ?? [];
    listeners[name] = first ? [listener, ...before] : [...before, listener];
    return process;
  };
  const once = (name, listener) => {
    const wrapper = (...values) => {
      process.off(name, wrapper);
      return apply(listener, process, values);
    };
    return Object.assign(wrapper, { listener });
  };
  const process = {
    env, argv: ['node', '/action'], execArgv: [], title: 'node', pid: 1, ppid: 0, arch: 'x64', platform: 'linux', exitCode: undefined,
    version: 'v20.0.0', versions: { node: '20.0.0', quickjs: ENGINE_VERSION }, release: { name: 'node' }, config: {}, features: {},
    cwd: () => '/action', umask: () => 0o22, uptime: () => (host.now() - origin) / 1000, hrtime,
    memoryUsage: () => ({ rss: host.memorySize(), heapTotal: host.memorySize(), heapUsed: host.memorySize(), external: 0, arrayBuffers: 0 }),
    nextTick: (callback, ...values) => { apply(promiseThen, promiseResolve(), [() => apply(callback, undefined, values)]); },
    exit: (code) => { throw new ExitRequest(code ?? process.exitCode ?? 0); },
    abort: () => { throw new ExitRequest(134); },
    emitWarning: (warning) => host.log(1, '(node:1) ' + (warning?.name ?? 'Warning') + ': ' + (warning?.message ?? text(warning))),
    on: (name, listener) => add(name, listener, false),
    once: (name, listener) => add(name, once(name, listener), false),
    prependListener: (name, listener) => add(name, listener, true),
    prependOnceListener: (name, listener) => add(name, once(name, listener), true),
    off: (name, listener) => {
      listeners[name] = (listeners[name] ?? []).filter((each) => each !== listener && each.listener !== listener);
      return process;
    },
    emit: (name, ...values) => {
      for (const each of listeners[name] ?? []) each(...values);
      return (listeners[name] ?? []).length > 0;
    },
    listeners: (name) => (listeners[name] ?? []).map((each) => each.listener ?? each),
    listenerCount: (name) => (listeners[name] ?? []).length,
    stdout: { isTTY: false, columns: 80, write: (piece) => (host.log(2, text(piece)), true) },
    stderr: { isTTY: false, columns: 80, write: (piece) => (host.log(3, text(piece)), true) },
    binding: () => { throw new Error('process.binding is not available'); },
  };
  process.addListener = process.on;
  process.removeListener = process.off;
  process.removeAllListeners = (name) => (delete listeners[name], process);
  hidden(process, Symbol.toStringTag, 'process');
  hidden(globalThis, 'process', process);
  hidden(globalThis, 'performance', {
    now: () => host.now() - origin, get timeOrigin() { return host.unixTime() - (host.now() - origin); }, mark() {}, measure() {}, toJSON: () => ({}),
  });
  return {
    object: process,
    begin() { origin = host.now(); },
    setEnvironment(values) {
      const names = objectKeys(values);
      for (let i = 0; i < names.length; i++) env[names[i]] = values[names[i]];
    },
    listenersOf: (name) => listeners[name] ?? [],
  };
}
