// console: lines to the sealed log. Plain text is put together here; anything else by Node's own formatter.
import { apply, hidden, join, text } from './primordials.js';

export function installConsole(host, util) {
  const allText = (values) => {
    for (let i = 0; i < values.length; i++) if (typeof values[i] !== 'string') return false;
    return values.length < 2 || !apply(String.prototype.includes, values[0], ['%']);
  };
  let indentation = '';
  const format = (values) => {
    const line = allText(values) ? apply(join, values, [' ']) : apply(util().format, undefined, values);
    return indentation === '' ? line : indentation + line.replaceAll('\n', '\n' + indentation);
  };
  const out = (...values) => host.log(0, format(values));
  const err = (...values) => host.log(1, format(values));
  const counts = new Map();
  const starts = new Map();
  const elapsed = (label) => `${label}: ${(host.now() - (starts.get(label) ?? host.now())).toFixed(3)}ms`;
  const console = {
    log: out, info: out, debug: out, error: err, warn: err,
    dir: (value, options) => out(util().inspect(value, { customInspect: false, ...options })),
    dirxml: out,
    table: (value) => out(value),
    trace: (...values) => err('Trace: ' + format(values) + '\n' + new Error().stack),
    assert: (condition, ...values) => condition || err('Assertion failed' + (values.length ? ': ' + format(values) : '')),
    count: (label = 'default') => {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      out(`${label}: ${counts.get(label)}`);
    },
    countReset: (label = 'default') => void counts.delete(label),
    time: (label = 'default') => void starts.set(text(label), host.now()),
    timeLog: (label = 'default', ...values) => out(elapsed(text(label)), ...values),
    timeEnd: (label = 'default') => {
      out(elapsed(text(label)));
      starts.delete(text(label));
    },
    group: (...values) => {
      if (values.length) out(...values);
      indentation += '  ';
    },
    groupEnd: () => {
      indentation = indentation.slice(2);
    },
  };
  console.groupCollapsed = console.group;
  hidden(globalThis, 'console', console);
  // What the prelude itself reports does not go through what a function may replace.
  return { error: (value) => err(typeof value === 'string' ? value : describe(value)) };
}

// describe is an error with its trace, for the log.
export function describe(error) {
  try {
    if (error instanceof Error) {
      const stack = typeof error.stack === 'string' ? error.stack : '';
      const cause = error.cause === undefined ? '' : '\n  cause: ' + describe(error.cause);
      return text(error) + (stack === '' ? '' : '\n' + stack.trimEnd()) + cause;
    }
    return typeof error === 'object' && error !== null ? JSON.stringify(error) ?? text(error) : text(error);
  } catch {
    return 'an error that cannot be shown';
  }
}
