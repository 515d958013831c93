// CommonJS and ES modules of an action, and the built-in modules. Sources are the host's to read; both worlds share one cache.
import { apply, defineProperty, Error_, hidden, objectKeys, parseJson } from './primordials.js';
import { makeResolver, normalize, parent, pathOf, root, urlOf } from './resolve.js';

const bridge = Symbol.for('clemmys.module');
const looksLikeModule = (source) => /(?:^|[;}])\s*(?:import\b\s*(?:[\w*{'"$]|\()|export\b\s*(?:[*{]|default\b|const\b|let\b|var\b|function\b|class\b|async\b))/m.test(source);
const scriptToCheck = 2, moduleToCheck = 3; // of host.evaluate: compiled, not run
const stripped = (source) => (source.startsWith('#!') ? '//' + source : source);
const metaOf = { dirname: parent, filename: (path) => path, url: urlOf };
const isIdentifier = (name) => /^[A-Za-z_$][\w$]*$/.test(name) && name !== 'default' && name !== '__esModule';

export function makeModules(host, process) {
  const builtins = new Map(); // name → module
  const cache = Object.create(null); // path → module
  const esModules = new Set(); // paths found to be ES modules by their syntax
  let checking = false;
  const names = new Set(BUILTIN_NAMES.split(' '));
  const provided = { process: () => process, module: () => makeRequire(root + '/index.js').Module };
  const isBuiltin = (name) => names.has(name) || name in provided;
  const resolver = makeResolver(host, isBuiltin);

  function builtin(name) {
    if (Object.hasOwn(provided, name)) return provided[name]();
    let module = builtins.get(name);
    if (module === undefined) {
      module = { exports: {} };
      builtins.set(name, module);
      const run = host.evaluate(host.builtinSource(name), 'node:' + name, 0);
      run(module.exports, (wanted) => builtin(wanted.replace(/^node:/, '').replace(/\/$/, '')), module, host);
    }
    return module.exports;
  }
  // polyfill runs a script that sets globals; where they were made lazily, the placeholders go first.
  function polyfill(name, globals) {
    for (const each of globals) delete globalThis[each];
    host.evaluate(host.builtinSource(name), 'node:' + name, 0)(undefined, builtin, undefined, host);
    const made = {};
    for (const each of globals) {
      made[each] = globalThis[each];
      hidden(globalThis, each, made[each]);
    }
    return made;
  }

  const isEsModule = (path) => {
    if (path.endsWith('.mjs')) return true;
    if (path.endsWith('.cjs') || path.endsWith('.json')) return false;
    return esModules.has(path) || resolver.scope(path).json.type === 'module';
  };

  class Module {
    constructor(path) {
      this.id = this.filename = path;
      this.path = parent(path);
      this.exports = {};
      this.loaded = false;
      this.children = [];
      this.paths = [];
      this.require = makeRequire(path);
    }
    static builtinModules = [...names];
    static createRequire = (from) => makeRequire(pathOf(String(from)));
    static isBuiltin = (name) => isBuiltin(name.replace(/^node:/, ''));
    static _cache = cache;
    static _extensions = { '.js': null, '.json': null };
  }
  Module.Module = Module;

  function makeRequire(from) {
    const require = (specifier) => {
      if (typeof specifier !== 'string' || specifier === '')
        throw Object.assign(new TypeError('The "id" argument must be a non-empty string'), { code: 'ERR_INVALID_ARG_VALUE' });
      return requirePath(resolver.resolve(specifier, from, 'require'));
    };
    require.resolve = (specifier) => resolver.resolve(specifier, from, 'require').replace(/^node:/, '');
    require.cache = cache;
    require.extensions = Module._extensions;
    hidden(require, 'Module', Module);
    return require;
  }

  function requirePath(path) {
    if (path.startsWith('node:')) return builtin(path.slice(5));
    let module = cache[path];
    if (module !== undefined) return module.exports;
    if (isEsModule(path)) return requireEsModule(path);
    module = cache[path] = new Module(path);
    let done = false;
    try {
      if (path.endsWith('.json')) module.exports = jsonOf(path);
      else runCommonJs(module, '');
      done = module.loaded = true;
    } catch (error) {
      if (error !== turnedOut) throw error;
      done = true;
      delete cache[path];
      return requireEsModule(path);
    } finally {
      if (!done) delete cache[path];
    }
    return module.exports;
  }
  const jsonOf = (path) => {
    try {
      return parseJson(host.readText(path).replace(/^\ufeff/, ''));
    } catch (error) {
      error.message = path + ': ' + error.message;
      throw error;
    }
  };

  const turnedOut = new Error_('an ES module after all');
  // compileCommonJs compiles a file's text as the body of a function. A surplus brace in it ends that function early: the error is
  // then in what follows the text, and the text alone has it where it is (but alone it may not `return`).
  function compileCommonJs(source, path, epilogue, kind) {
    try {
      return host.evaluate(`(function (exports, require, module, __filename, __dirname) {${source}\n${epilogue}})`, path, kind);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      if (looksLikeModule(source)) throw turnedOut;
      try {
        host.evaluate(source, path, scriptToCheck);
      } catch (alone) {
        if (alone instanceof SyntaxError && !alone.message.startsWith('return')) throw alone;
      }
      throw error;
    }
  }
  // check compiles a file as it would be loaded; what it imports stays empty. Afterwards these modules are of no use.
  function check(path) {
    checking = true;
    const source = stripped(host.readText(path));
    if (path.endsWith('.json')) return;
    if (isEsModule(path)) return host.evaluate(source, path, moduleToCheck);
    try {
      compileCommonJs(source, path, '', scriptToCheck);
    } catch (error) {
      if (error !== turnedOut) throw error;
      host.evaluate(source, path, moduleToCheck);
    }
  }
  // runCommonJs runs a file; `epilogue` is code after its text, for its local names.
  function runCommonJs(module, epilogue) {
    const source = stripped(host.readText(module.filename));
    let body;
    try {
      body = compileCommonJs(source, module.filename, epilogue, 0);
    } catch (error) {
      if (error === turnedOut) esModules.add(module.filename);
      throw error;
    }
    module.require.main = module;
    return apply(body, module.exports, [module.exports, module.require, module, module.filename, module.path]);
  }
  // requireEsModule evaluates a module and its imports at once: Node's require(esm), which refuses top-level await.
  function requireEsModule(path) {
    const text = `import * as namespace from ${JSON.stringify(path)}; export { namespace };`;
    const result = host.settled(host.evaluate(text, path + '?require', 1));
    if (result === undefined)
      throw Object.assign(new Error_(`require() cannot be used on the ES module ${path} with top-level await: use import()`), { code: 'ERR_REQUIRE_ASYNC_MODULE' });
    const { namespace } = result;
    return Object.hasOwn(namespace, 'module.exports') ? namespace['module.exports'] : namespace;
  }

  // The engine asks for the name of a module, then for its source.
  const resolveModule = (from, specifier) => checking ? specifier :
    resolver.resolve(specifier, from.startsWith('/') ? from.replace(/\?require$/, '') : root + '/index.js', 'import');
  // esSource is a module's text; one that asks for import.meta gets Node's members of it first, on the same line.
  const esSource = (path) => {
    const source = stripped(host.readText(path));
    if (!source.includes('import.meta')) return source;
    const members = objectKeys(metaOf).map((name) => `import.meta.${name}=${JSON.stringify(metaOf[name](path))};`);
    return members.join('') + source;
  };
  function moduleSource(path) {
    if (checking) return '';
    if (!path.startsWith('node:') && isEsModule(path)) return esSource(path);
    const value = (() => {
      try {
        return requirePath(path);
      } catch (error) {
        if (error !== turnedOut) throw error;
      }
    })();
    if (esModules.has(path)) return esSource(path);
    const from = `globalThis[Symbol.for('clemmys.module')](${JSON.stringify(path)})`;
    let source = `const value = ${from};\nexport default value;\n`;
    const named = (typeof value === 'object' && value !== null) || typeof value === 'function' ? objectKeys(value).filter(isIdentifier) : [];
    named.forEach((name, i) => { source += `const _${i} = value.${name};\nexport { _${i} as ${name} };\n`; });
    return source;
  }
  // What the generated modules call: the exports of a file that is loaded already.
  defineProperty(globalThis, bridge, { value: requirePath, writable: false, enumerable: false, configurable: false, __proto__: null });

  const importModule = (path) => import(path);
  return { builtin, polyfill, resolver, Module, cache, requirePath, runCommonJs, check, turnedOut, isEsModule, importModule, resolveModule, moduleSource, normalize };
}
