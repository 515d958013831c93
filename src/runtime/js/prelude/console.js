// console: lines to the sealed log. Plain text is put together here; anything else by Node's own formatter.
import { apply, hidden, isArray, join, text } from './primordials.js';

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
    table: (value, columns) => out(typeof value === 'object' && value !== null ? table(value, columns, util().inspect) : value),
    trace: (...values) => {
      const trace = { name: 'Trace', message: apply(util().format, undefined, values) };
      Error.captureStackTrace(trace, console.trace);
      err(trace.stack);
    },
    assert: (condition, ...values) => condition || err('Assertion failed' + (values.length ? ': ' + text(values[0]) : ''), ...values.slice(1)),
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

// table is Node's picture of rows: what is no object is in the column Values.
function table(rows, only, inspect) {
  const kind = rows instanceof Map || rows instanceof Set ? '(iteration index)' : '(index)';
  const entries = rows instanceof Map || rows instanceof Set ? [...rows].map((row, i) => [i, row]) : Object.entries(rows);
  const columns = new Set(only), lines = [];
  let hasValues = false;
  const show = (value) => inspect(value, { maxArrayLength: 3, breakLength: Infinity, depth: Object(value) === value && !Array.isArray(value) && Object.keys(value).length > 2 ? -1 : 0 });
  for (const [index, row] of entries) {
    const line = { [kind]: String(index) };
    if (rows instanceof Map) Object.assign(line, { Key: show(row[0]), Values: show(row[1]) });
    else if (rows instanceof Set || Object(row) !== row) line.Values = show(row);
    else for (const name of only ?? Object.keys(row)) if (columns.add(name) && Object.hasOwn(row, name)) line['.' + name] = show(row[name]);
    hasValues ||= 'Values' in line;
    lines.push(line);
  }
  const keys = [kind, ...(rows instanceof Map ? ['Key'] : []), ...[...columns].map((name) => '.' + name), ...(hasValues ? ['Values'] : [])];
  const head = Object.fromEntries(keys.map((key) => [key, key.replace(/^\./, '')]));
  const widths = keys.map((key) => Math.max(...[head, ...lines].map((line) => (line[key] ?? '').length)) + 2);
  const drawn = (line) => '│' + keys.map((key, i) => ' ' + (line[key] ?? '').padEnd(widths[i] - 1)).join('│') + '│';
  const rule = (left, middle, right) => left + widths.map((width) => '─'.repeat(width)).join(middle) + right;
  return [rule('┌', '┬', '┐'), drawn(head), rule('├', '┼', '┤'), ...lines.map(drawn), rule('└', '┴', '┘')].join('\n');
}

const causesMax = 8; // a cause may be its own
// describe is an error with its trace, its causes, and the errors that it gathers, for the log.
export function describe(error, depth = 0) {
  try {
    if (error instanceof Error) {
      let all = typeof error.stack === 'string' && error.stack !== '' ? error.stack : text(error);
      if (depth < causesMax && error.cause !== undefined) all += '\n  cause: ' + describe(error.cause, depth + 1);
      if (depth === 0 && isArray(error.errors))
        for (let i = 0; i < error.errors.length; i++) all += '\n  error: ' + describe(error.errors[i], 1);
      return all;
    }
    return typeof error === 'object' && error !== null ? JSON.stringify(error) ?? text(error) : text(error);
  } catch {
    return 'an error that cannot be shown';
  }
}
