// The prelude: evaluated once, when the image is built, into the memory that every instance starts from. It sets up the
// globals and answers with the entries that the runtime calls (engine.h, Root). Nothing here may depend on time or chance.
import { checkMain } from './action.js';
import { installConsole } from './console.js';
import { installCrypto } from './crypto.js';
import { installErrors } from './errors.js';
import { installEncoding } from './encoding.js';
import { installAtomics, installGlobals } from './globals.js';
import { makeModules } from './modules.js';
import { makeProcess } from './process.js';
import { makeTask } from './task.js';
import { makeTimers } from './timers.js';

export default function boot(host) {
  installErrors();
  const timers = makeTimers(host);
  const process = makeProcess(host);
  const modules = makeModules(host, process.object);
  const inspect = () => modules.builtin('util');
  const console = installConsole(host, inspect);
  installEncoding(host);
  installCrypto(host, modules);
  installAtomics();
  installGlobals(host, modules, timers, process.object);
  const task = makeTask(host, { modules, timers, process, console });
  return [task.load, task.call, task.poll, task.exception, task.rejection, modules.resolveModule, modules.moduleSource,
    (isZip, name) => checkMain(modules, host, isZip, name)];
}
