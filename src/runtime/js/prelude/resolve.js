// Which file a specifier names: Node's algorithms (nodejs.org/api/modules.html, esm.html) over the action's files.
import { exports as packageExports, imports as packageImports } from 'resolve.exports';
import { apply, endsWith, Error_, lastIndexOf, objectKeys, parseJson, slice, startsWith } from './primordials.js';

export const root = '/action';
const file = 1, directory = 2; // host.stat

export const parent = (path) => apply(slice, path, [0, apply(lastIndexOf, path, ['/'])]) || '/';
const starts = (value, prefix) => apply(startsWith, value, [prefix]);
// urlOf is a path as the URL that import.meta has; pathOf goes back, and leaves other specifiers alone.
export const urlOf = (path) => 'file://' + encodeURI(path).replaceAll('?', '%3F').replaceAll('#', '%23');
export const pathOf = (specifier) => starts(specifier, 'file://') ? decodeURIComponent(specifier.slice(7)) : specifier;

export function normalize(path) {
  const parts = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return '/' + parts.join('/');
}

export function makeResolver(host, isBuiltin) {
  const packages = new Map();
  const packageAt = (folder) => {
    if (!packages.has(folder)) {
      const path = folder + '/package.json';
      let value;
      if (host.stat(path) === file) {
        try {
          value = parseJson(host.readText(path));
        } catch (error) {
          throw new Error_(`Invalid package.json at ${path}: ${error.message}`);
        }
      }
      packages.set(folder, value);
    }
    return packages.get(folder);
  };
  // scope is the nearest folder with a package.json.
  const scope = (path) => {
    for (let folder = parent(path); ; folder = parent(folder)) {
      const found = packageAt(folder);
      if (found !== undefined) return { folder, json: found };
      if (folder === '/' || endsWith.call(folder, '/node_modules')) return { folder: root, json: {} };
    }
  };

  const asFile = (path) => {
    for (const extension of ['', '.js', '.json', '.cjs', '.mjs']) if (host.stat(path + extension) === file) return path + extension;
  };
  const asDirectory = (path) => {
    if (host.stat(path) !== directory) return undefined;
    const main = packageAt(path)?.main;
    if (typeof main === 'string' && main !== '') {
      const entry = normalize(path + '/' + main);
      const found = asFile(entry) ?? asFile(entry + '/index');
      if (found !== undefined) return found;
    }
    return asFile(path + '/index');
  };
  const at = (path) => (endsWith.call(path, '/') ? undefined : asFile(path)) ?? asDirectory(normalize(path));

  const notFound = (specifier, from) => {
    const name = specifier.replace(/^node:/, '');
    const why = objectKeys(absent).find((reason) => absent[reason].split(' ').some((each) => name === each || starts(name, each + '/')));
    const hint = why === undefined ? '' : ` (${why}: see docs/javascript.md)`;
    const error = new Error_(`Cannot find module '${specifier}'${hint}\nRequire stack:\n- ${from}`);
    error.code = 'MODULE_NOT_FOUND';
    return error;
  };
  const first = (targets, folder) => {
    for (const target of targets ?? []) {
      const path = normalize(folder + '/' + target);
      if (host.stat(path) === file) return path;
    }
  };
  const inPackage = (folder, entry, conditions) => {
    const json = packageAt(folder);
    if (json?.exports !== undefined && json.exports !== null)
      return first(packageExports(json, entry, { conditions, unsafe: true }), folder);
    return entry === '.' ? at(folder) : at(normalize(folder + '/' + slice.call(entry, 2)));
  };

  // resolve gives a path, or 'node:NAME' for a built-in module.
  return {
    scope,
    at,
    resolve(specifier, from, kind) {
      const conditions = [kind, 'node', 'module-sync', 'default'];
      specifier = pathOf(specifier);
      const bare = starts(specifier, 'node:') ? specifier.slice(5) : specifier;
      if (isBuiltin(bare)) return 'node:' + bare;
      if (starts(specifier, '/') || starts(specifier, './') || starts(specifier, '../') || specifier === '.' || specifier === '..') {
        const found = at(starts(specifier, '/') ? specifier : normalize(parent(from) + '/' + specifier) + (endsWith.call(specifier, '/') ? '/' : ''));
        if (found === undefined) throw notFound(specifier, from);
        return found;
      }
      if (starts(specifier, '#')) {
        const { folder, json } = scope(from);
        for (const target of packageImports(json, specifier, { conditions, unsafe: true }) ?? []) {
          if (!starts(target, './')) return this.resolve(target, from, kind);
          const path = normalize(folder + '/' + target);
          if (host.stat(path) === file) return path;
        }
        throw notFound(specifier, from);
      }
      const parts = specifier.split('/');
      const depth = starts(specifier, '@') ? 2 : 1;
      const name = parts.slice(0, depth).join('/');
      const entry = parts.length > depth ? './' + parts.slice(depth).join('/') : '.';
      const own = scope(from);
      let found = own.json.name === name && own.json.exports !== undefined ? inPackage(own.folder, entry, conditions) : undefined;
      for (let folder = parent(from); found === undefined; folder = parent(folder)) {
        const candidate = (folder === '/' ? '' : folder) + '/node_modules/' + name;
        if (host.stat(candidate) === directory) found = inPackage(candidate, entry, conditions);
        if (folder === '/') break;
      }
      if (found === undefined) throw notFound(specifier, from);
      return found;
    },
  };
}

// Node's modules that are not there, by the reason.
const absent = {
  'functions have no network': 'dgram dns http http2 https net tls',
  'functions have no processes and no threads': 'child_process cluster worker_threads',
  'functions have no terminal': 'readline repl tty',
  'the engine is not V8': 'inspector trace_events v8 vm',
  'not in this runtime': 'async_hooks console diagnostics_channel domain path/win32 stream/consumers stream/web sys wasi zlib',
};
