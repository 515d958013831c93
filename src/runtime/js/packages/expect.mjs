// expect.mjs FOLDER: what Node makes of the action in FOLDER: one line {"package": result} per package.
import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const folder = process.argv[2];
const require = createRequire(folder + '/');
const { entryOf, use } = require('./index.js');

globalThis.crypto ??= webcrypto; // Debian 12's Node 18 has it in the module alone

// load is require, but for Node 18, which requires no ES module.
async function load(name) {
  try {
    return require(name);
  } catch (error) {
    if (error.code !== 'ERR_REQUIRE_ESM') throw error;
    return import(pathToFileURL(require.resolve(name)));
  }
}

for (const name of Object.keys(JSON.parse(readFileSync(folder + '/package.json', 'utf8')).dependencies))
  console.log(name + '\t' + JSON.stringify(use(name, await load(entryOf(name)))));
