// internal/events: Event, EventTarget and abort signals (dom.spec.whatwg.org), without trees of targets.
let stateOf;
export class Event {
  #state;
  static { stateOf = (event) => event.#state; }
  constructor(type, options) {
    if (arguments.length === 0) throw new TypeError('The "type" argument must be specified');
    this.#state = { type: String(type), cancelable: Boolean(options?.cancelable), target: null, canceled: false, stopped: false };
  }
  get type() { return this.#state.type; }
  get target() { return this.#state.target; }
  get currentTarget() { return this.#state.target; }
  get cancelable() { return this.#state.cancelable; }
  get defaultPrevented() { return this.#state.canceled; }
  preventDefault() { if (this.#state.cancelable) this.#state.canceled = true; }
  stopPropagation() {}
  stopImmediatePropagation() { this.#state.stopped = true; }
}

export class EventTarget {
  #listeners = new Map(); // type → [{listener, capture, once, removed}]
  #of(type) {
    const name = String(type);
    if (!this.#listeners.has(name)) this.#listeners.set(name, []);
    return this.#listeners.get(name);
  }
  addEventListener(type, listener, options) {
    if (listener === null || listener === undefined) return;
    const { once = false, capture = false, signal } = Object(options) === options ? options : { capture: Boolean(options) };
    const listeners = this.#of(type);
    if (signal?.aborted || listeners.some((each) => each.listener === listener && each.capture === capture)) return;
    listeners.push({ listener, capture, once, removed: false });
    signal?.addEventListener('abort', () => this.removeEventListener(type, listener, capture));
  }
  removeEventListener(type, listener, options) {
    const capture = Boolean(Object(options) === options ? options.capture : options);
    const listeners = this.#of(type), at = listeners.findIndex((each) => each.listener === listener && each.capture === capture);
    if (at >= 0) listeners.splice(at, 1)[0].removed = true;
  }
  dispatchEvent(event) {
    if (!(event instanceof Event)) throw new TypeError('The "event" argument must be an instance of Event');
    const state = stateOf(event);
    state.target = this;
    for (const each of [...this.#of(state.type)]) {
      if (each.removed) continue;
      if (each.once) this.removeEventListener(state.type, each.listener, each.capture);
      try {
        if (typeof each.listener === 'function') each.listener.call(this, event);
        else each.listener.handleEvent(event);
      } catch (error) {
        queueMicrotask(() => { throw error; }); // an uncaught one; the other listeners still run
      }
      if (state.stopped) break;
    }
    state.stopped = false;
    return !state.canceled;
  }
}

const secret = Symbol();
let abort;
export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason;
  #handler = null;
  static {
    abort = (signal, reason) => {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason;
      signal.dispatchEvent(new Event('abort'));
    };
  }
  constructor(key) {
    if (key !== secret) throw new TypeError('Illegal constructor');
    super();
  }
  get aborted() { return this.#aborted; }
  get reason() { return this.#reason; }
  throwIfAborted() { if (this.#aborted) throw this.#reason; }
  get onabort() { return this.#handler; }
  set onabort(handler) {
    if (this.#handler === null) this.addEventListener('abort', (event) => this.#handler?.call(this, event));
    this.#handler = typeof handler === 'function' ? handler : null;
  }
  static abort(reason) {
    const signal = new AbortSignal(secret);
    abort(signal, reason);
    return signal;
  }
  static timeout(ms) {
    const signal = new AbortSignal(secret);
    setTimeout(() => abort(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError')), ms);
    return signal;
  }
  static any(signals) {
    const signal = new AbortSignal(secret);
    for (const each of signals) {
      if (each.aborted) abort(signal, each.reason);
      else each.addEventListener('abort', () => abort(signal, each.reason));
    }
    return signal;
  }
}

export class AbortController {
  #signal = new AbortSignal(secret);
  get signal() { return this.#signal; }
  abort(reason) { abort(this.#signal, reason); }
}
