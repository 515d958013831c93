// Timers: a list ordered by due time, run by poll between jobs. The clock is monotonic milliseconds.
import { apply, hidden, max, splice, TypeError_ } from './primordials.js';

export function makeTimers(host) {
  const pending = []; // {due, id, callback, values, every}
  let last = 0;

  class Timeout {
    #id;
    constructor(id) { this.#id = id; }
    ref() { return this; }
    unref() { return this; }
    hasRef() { return true; }
    close() { clear(this.#id); return this; }
    [Symbol.toPrimitive]() { return this.#id; }
    static idOf(value) {
      return typeof value === 'object' && value !== null && #id in value ? value.#id : Number(value);
    }
  }
  const idOf = Timeout.idOf;

  const insert = (timer) => {
    let at = pending.length;
    while (at > 0 && pending[at - 1].due > timer.due) at--;
    apply(splice, pending, [at, 0, timer]);
  };
  const add = (callback, delay, every, values) => {
    if (typeof callback !== 'function') throw new TypeError_('The "callback" argument must be of type function');
    // Node: what is no number, below 1 or above 2^31 - 1 is 1.
    const ms = delay >= 1 && delay <= 0x7fffffff ? +delay : 1;
    const id = ++last;
    insert({ due: host.now() + ms, id, callback, values, every: every ? ms : 0 });
    return new Timeout(id);
  };
  const clear = (value) => {
    if (value === undefined || value === null) return;
    const id = idOf(value);
    for (let i = 0; i < pending.length; i++) {
      if (pending[i].id === id) return void apply(splice, pending, [i, 1]);
    }
  };

  hidden(globalThis, 'setTimeout', function setTimeout(callback, delay, ...values) { return add(callback, delay, false, values); });
  hidden(globalThis, 'setInterval', function setInterval(callback, delay, ...values) { return add(callback, delay, true, values); });
  hidden(globalThis, 'setImmediate', function setImmediate(callback, ...values) {
    if (typeof callback !== 'function') throw new TypeError_('The "callback" argument must be of type function');
    const id = ++last;
    insert({ due: 0, id, callback, values, every: 0 });
    return new Timeout(id);
  });
  for (const name of ['clearTimeout', 'clearInterval', 'clearImmediate'])
    hidden(globalThis, name, { [name](value) { clear(value); } }[name]);

  return {
    // runDue runs one timer that is due and tells whether it did: jobs run before the next.
    runDue() {
      if (pending.length === 0 || pending[0].due > host.now()) return false;
      const timer = pending[0];
      apply(splice, pending, [0, 1]);
      if (timer.every > 0) insert({ ...timer, due: host.now() + timer.every });
      apply(timer.callback, undefined, timer.values);
      return true;
    },
    // wait is how long until the next timer, in milliseconds; -1 without any.
    wait: () => (pending.length === 0 ? -1 : max(0, pending[0].due - host.now())),
  };
}
