// expect.mjs: what Node makes of the cases in interfaces.js, one line "name<tab>outcome" each.
import { webcrypto } from 'node:crypto';
import { createRequire } from 'node:module';

globalThis.crypto ??= webcrypto; // Debian 12's Node 18 has it in the module alone
const { cases, outcome } = createRequire(import.meta.url)('./interfaces.js');
for (const name of Object.keys(cases)) console.log(name + '\t' + (await outcome(name)));
