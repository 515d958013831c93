// bundle.mjs OUTPUT-FOLDER PACKAGES-FOLDER: makes the prelude and the built-in modules that the runtime carries, each one script
// whose value is a function. The same inputs give the same bytes.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const [output, packages] = process.argv.slice(2).map((path) => resolve(path));
const require = createRequire(join(packages, 'package.json'));
const { buildSync } = require('esbuild');

// Each built-in module: our file, or a line that names the package. A module asks for another by its name and shares it.
const own = { buffer: 'buffer.js', crypto: 'crypto.js', fs: 'fs.js', os: 'os.js', util: 'util.js', 'internal/events': 'internal_events.js' };
const lines = {
  assert: `module.exports = require('assert/build/assert.js')`,
  'assert/strict': `module.exports = require('assert').strict`,
  constants: `module.exports = {}`,
  events: `module.exports = require('events/events.js')`,
  'fs/promises': `module.exports = require('fs').promises`,
  path: `module.exports = require('path-browserify'); module.exports.posix = module.exports`,
  'path/posix': `module.exports = require('path')`,
  perf_hooks: `module.exports = { performance: globalThis.performance }`,
  punycode: `module.exports = require('punycode/punycode.js')`,
  querystring: `module.exports = require('querystring-es3')`,
  stream: `module.exports = require('readable-stream/lib/ours/browser.js')`,
  'stream/promises': `module.exports = require('stream').promises`,
  string_decoder: `module.exports = require('string_decoder/lib/string_decoder.js')`,
  timers: `module.exports = { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate }`,
  'timers/promises': `module.exports = { setTimeout: (ms, value) => new Promise((done) => setTimeout(done, ms, value)), setImmediate: (value) => new Promise((done) => setImmediate(done, value)) }`,
  url: `import * as legacy from 'url/url.js'; export const { parse, resolve, resolveObject, format: formatLegacy, Url } = legacy;
export const format = (value) => value instanceof globalThis.URL ? value.href : formatLegacy(value);
export const URL = globalThis.URL, URLSearchParams = globalThis.URLSearchParams;
export const fileURLToPath = (value) => decodeURIComponent(new globalThis.URL(value).pathname);
export const pathToFileURL = (path) => new globalThis.URL('file://' + encodeURI(path));`,
  'util/types': `module.exports = require('util').types`,
  'web-url': `require('core-js/actual/url'); require('core-js/actual/url-search-params')`,
  'structured-clone': `require('core-js/actual/structured-clone')`,
};
const names = [...Object.keys(own), ...Object.keys(lines)];
const hidden = ['internal/events', 'web-url', 'structured-clone'];
const constants = {
  global: 'globalThis',
  BUILTIN_NAMES: JSON.stringify(names.filter((name) => !hidden.includes(name)).join(' ')),
  ENGINE_VERSION: JSON.stringify('quickjs-wasi ' + require('quickjs-wasi/package.json').version),
};

function bundle(entry, name) {
  const others = names.filter((other) => other !== name);
  const result = buildSync({
    ...entry, bundle: true, write: false, format: 'cjs', platform: 'neutral', target: 'es2023', mainFields: ['main'], minify: true,
    keepNames: false, legalComments: 'none', nodePaths: [join(packages, 'node_modules')], external: [...others, 'process', 'process/', 'string_decoder/', 'punycode/'],
    define: constants,
    absWorkingDir: here, logLevel: 'warning',
  });
  return result.outputFiles[0].text;
}

rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
const prelude = bundle({ entryPoints: [join(here, 'prelude/main.js')] }, '');
writeFileSync(join(output, 'prelude.js'), `(function () { const module = { exports: {} }; ${prelude}; return module.exports.default; })()`);
for (const name of names) {
  const isEsm = own[name] !== undefined || /\bexport\b/.test(lines[name]);
  const entry = own[name] ? { entryPoints: [join(here, 'builtins', own[name])] }
    : { stdin: { contents: lines[name], resolveDir: here, sourcefile: name, loader: 'js' } };
  // A plain object without __esModule, so that a bundler's `import crypto from "crypto"` finds the whole module.
  const plain = isEsm ? ';module.exports = Object.assign({}, module.exports);' : '';
  const path = join(output, 'builtins', name.replaceAll('/', '+') + '.js');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `(function (exports, require, module, host) {${bundle(entry, name)}${plain}\n})`);
}
