// Which function of an action is called: OpenWhisk's `main` (openwhisk-runtime-nodejs, core/nodejsActionBase).
import { Error_ } from './primordials.js';
import { root } from './resolve.js';

const isPath = (name) => /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*$/.test(name);

const follow = (value, name) => {
  for (const part of name.split('.')) value = value === undefined || value === null ? undefined : value[part];
  return value;
};
// pick finds the function among a module's exports; a module that is itself a function stands for `main`.
function pick(exported, name) {
  const found = follow(exported, name) ?? follow(exported?.default, name);
  if (typeof found === 'function') return found;
  if (name === 'main') {
    if (typeof exported === 'function') return exported;
    if (typeof exported?.default === 'function') return exported.default;
  }
  return found;
}

// findMain loads the code and returns the function, or a promise of it.
export function findMain(modules, host, isZip, name) {
  if (!isPath(name)) throw new Error_(`The name of an action's function must be an identifier, not '${name}'.`);
  const checked = (found) => {
    if (typeof found !== 'function') throw `Action entrypoint '${name}' is not a function.`;
    return found;
  };
  const load = (path, member) => {
    if (modules.isEsModule(path)) return modules.importModule(path).then((exported) => checked(pick(exported, member)));
    const exported = modules.requirePath(path);
    return checked(pick(exported, member));
  };
  if (isZip) {
    const { path, member } = entryOf(modules, host, name);
    return load(path, member);
  }

  const path = root + '/index.js';
  const module = (modules.cache[path] = new modules.Module(path));
  let local;
  try {
    local = modules.runCommonJs(module, `;return typeof ${name.split('.')[0]} === 'undefined' ? undefined : ${name};`);
    module.loaded = true;
  } catch (error) {
    delete modules.cache[path];
    if (error !== modules.turnedOut) throw error;
    return load(path, name);
  }
  return checked(typeof local === 'function' ? local : pick(module.exports, name));
}

// checkMain compiles the file that findMain would load, and runs nothing; it throws what is wrong.
export function checkMain(modules, host, isZip, name) {
  try {
    modules.check(isZip ? entryOf(modules, host, name).path : root + '/index.js');
  } catch (error) {
    const place = error instanceof Error ? /^    at (?:.*\()?\/action\/(.*?:\d+:\d+)/m.exec(error.stack) : null;
    throw place === null ? error : `${place[1]}: ${error}`;
  }
}

// entryOf is the file of an archive that has the function, and the function's name there.
function entryOf(modules, host, name) {
  if (host.stat(root + '/package.json') !== 1 && host.stat(root + '/index.js') !== 1 && host.stat(root + '/index.mjs') !== 1)
    throw 'Zipped actions must contain either package.json or index.js at the root.';
  // "file.function" names another file than the package's main one.
  const dot = name.lastIndexOf('.');
  if (dot > 0) {
    const other = modules.resolver.at(root + '/' + name.slice(0, dot).replaceAll('.', '/'));
    if (other !== undefined) return { path: other, member: name.slice(dot + 1) };
  }
  const entry = modules.resolver.at(root);
  if (entry === undefined) throw "The package's main file does not exist in the archive.";
  return { path: entry, member: name };
}
