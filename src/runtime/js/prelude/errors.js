// Errors: `stack` begins with name and message, as on Node; the engine's own has the frames alone.
import { apply, defineProperty, Error_, getOwnPropertyDescriptor, hidden, slice, startsWith } from './primordials.js';

const { toString } = Error.prototype;
// withHead puts an error's name and message, as they are now, before the engine's frames. What a function's own
// prepareStackTrace made stays as it is.
function withHead(error, frames) {
  if (typeof frames !== 'string' || (frames !== '' && !apply(startsWith, frames, ['    at ']))) return frames;
  let head = 'Error';
  try {
    head = apply(toString, error, []);
  } catch {} // its name or message throws
  return frames === '' ? head : head + '\n' + apply(slice, frames, [0, -1]);
}

export function installErrors() {
  const { get } = getOwnPropertyDescriptor(Error_.prototype, 'stack');
  defineProperty(Error_.prototype, 'stack', {
    get() { return withHead(this, apply(get, this, [])); },
    set(value) { hidden(this, 'stack', value); },
    configurable: true, enumerable: false, __proto__: null,
  });
  const capture = Error_.captureStackTrace;
  hidden(Error_, 'captureStackTrace', function captureStackTrace(object, above = captureStackTrace) {
    capture(object, above);
    hidden(object, 'stack', withHead(object, getOwnPropertyDescriptor(object, 'stack').value));
  });
}
