// One task at a time: loading the action, or one call of it. The runtime starts it, runs jobs, and polls until there is an
// outcome: a string whose first letter says what the rest is, or bytes.
//   A json  the answer                           R json  the answer that a rejected promise is
//   D text  a developer error, for the client    X       the action ended itself, as Node would
import { findMain } from './action.js';
import { describe } from './console.js';
import { ExitRequest } from './process.js';
import { apply, isArray, isUint8Array, objectKeys, parseJson, promiseResolve, promiseThen, push, splice, stringifyJson, text } from './primordials.js';

const arrayIncludes = Array.prototype.includes;

// brief is an error in one line.
const brief = (error) => {
  try {
    return text(error);
  } catch {
    return 'an error that cannot be shown';
  }
};

// whiskError is what a rejected promise becomes: the error's own fields as plain data, without its stack.
function whiskError(error) {
  if (!error) return {};
  const seen = [];
  const plain = (value) => {
    if (typeof value === 'function') return `[Function: ${value.name || 'anonymous'}]`;
    if (typeof value === 'bigint' || typeof value === 'symbol') return text(value);
    if (typeof value !== 'object' || value === null) return value;
    if (apply(arrayIncludes, seen, [value])) return '[Circular]';
    apply(push, seen, [value]);
    let result;
    if (isArray(value)) {
      result = [];
      for (let i = 0; i < value.length; i++) result[i] = plain(value[i]);
    } else {
      result = {};
      const names = objectKeys(value);
      if (value instanceof Error) apply(push, names, ['name', 'message', 'code']);
      for (let i = 0; i < names.length; i++) {
        if (names[i] === 'stack' && value instanceof Error) continue;
        const member = plain(value[names[i]]);
        if (member !== undefined) result[names[i]] = member;
      }
    }
    seen.pop();
    return result;
  };
  try {
    return plain(error);
  } catch {
    return brief(error);
  }
}

export function makeTask(host, { modules, timers, process, console }) {
  let handler;
  let outcome;
  let unhandled = [];
  const settle = (value) => {
    if (outcome === undefined) outcome = value;
  };

  const answer = (result, letter = 'A') => {
    if (result === undefined) return settle('A{}');
    if (isUint8Array(result)) return settle(result);
    let json;
    try {
      json = stringifyJson(result);
    } catch (error) {
      console.error(error);
      return settle('DThe action did not produce a valid response: ' + brief(error));
    }
    if (typeof json === 'string' && (json[0] === '{' || json[0] === '[')) return settle(letter + json);
    const kind = result === null ? 'null' : typeof result;
    console.error(`Result must be of type object but has type "${kind}": ${brief(result)}`);
    settle('DThe action did not return a dictionary or array.');
  };
  const done = (result) => answer(result);
  const rejected = (error) => {
    if (error instanceof ExitRequest) return exit(error);
    console.error(error);
    answer({ error: whiskError(error) }, 'R');
  };
  const thrown = (error) => {
    if (error instanceof ExitRequest) return exit(error);
    console.error(error);
    settle('DAn error has occurred: ' + brief(error));
  };
  const exit = (request) => {
    console.error(`The action called process.exit(${request.code}).`);
    settle('X');
  };
  const whenDone = (value, done, failed) => {
    if ((typeof value === 'object' && value !== null) || typeof value === 'function') {
      let then;
      try {
        then = value.then;
      } catch (error) {
        return failed(error);
      }
      if (typeof then === 'function') return void apply(promiseThen, promiseResolve(value), [done, failed]);
    }
    done(value);
  };

  return {
    load(isZip, name, environment) {
      outcome = undefined;
      process.begin();
      process.setEnvironment(parseJson(environment));
      const failed = (error) => {
        console.error('Error during initialization: ' + describe(error));
        settle('DInitialization has failed due to: ' + brief(error));
      };
      try {
        whenDone(findMain(modules, host, isZip, name), (found) => {
          handler = found;
          settle('A');
        }, failed);
      } catch (error) {
        failed(error);
      }
    },
    call(body, activation, deadline) {
      outcome = undefined;
      process.setEnvironment({ __OW_ACTIVATION_ID: activation, __OW_DEADLINE: deadline });
      let result;
      try {
        result = handler(typeof body === 'string' ? parseJson(body) : modules.builtin('buffer').Buffer.from(body.buffer));
        if (result === undefined || typeof result !== 'object') return whenDone(result, done, rejected);
      } catch (error) {
        return thrown(error);
      }
      whenDone(result, done, rejected);
    },
    // poll runs what is due. It returns the outcome; or 0 when it did something; or the milliseconds until there is
    // something to do; or -1 when nothing will ever happen.
    poll() {
      if (unhandled.length > 0) {
        const reasons = unhandled;
        unhandled = [];
        for (let i = 0; i < reasons.length; i++) uncaught(reasons[i].reason, 'unhandledRejection');
      }
      if (outcome !== undefined) return outcome;
      return timers.runDue() ? 0 : timers.wait();
    },
    // exception: what a job or a timer threw.
    exception: (error) => uncaught(error, 'uncaughtException'),
    rejection(promise, reason, handled) {
      if (!handled) return void apply(push, unhandled, [{ promise, reason }]);
      for (let i = 0; i < unhandled.length; i++) {
        if (unhandled[i].promise === promise) return void apply(splice, unhandled, [i, 1]);
      }
    },
  };

  function uncaught(error, kind) {
    if (error instanceof ExitRequest) return exit(error);
    const listeners = process.listenersOf(kind);
    if (listeners.length > 0) {
      for (let i = 0; i < listeners.length; i++) listeners[i](error);
      return;
    }
    console.error(kind === 'unhandledRejection' ? 'Unhandled promise rejection: ' + describe(error) : 'Uncaught ' + describe(error));
    settle('X');
  }
}
