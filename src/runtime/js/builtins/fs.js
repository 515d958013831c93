// node:fs over the action's own files, for reading.
import { Buffer } from 'buffer';
import { normalize } from 'path';

const pathOf = (path) => {
  const name = path instanceof URL ? path.pathname : String(path);
  return normalize(name.startsWith('/') ? name : '/action/' + name).replace(/(?!^)\/$/, '');
};
const failure = (code, text, call, path) => Object.assign(new Error(`${code}: ${text}, ${call} '${path}'`), { code, syscall: call, path });
const absent = (call, path) => failure('ENOENT', 'no such file or directory', call, path);
const readOnly = (call) => (path) => { throw failure('EROFS', 'read-only file system', call, path); };

export const existsSync = (path) => host.stat(pathOf(path)) !== 0;
export function readFileSync(path, options) {
  const bytes = host.readBytes(pathOf(path));
  if (bytes === undefined) throw host.stat(pathOf(path)) === 2 ? failure('EISDIR', 'illegal operation on a directory', 'read', path) : absent('open', path);
  const encoding = typeof options === 'string' ? options : options?.encoding;
  const buffer = Buffer.from(bytes.buffer);
  return encoding ? buffer.toString(encoding) : buffer;
}
export function statSync(path, options) {
  const kind = host.stat(pathOf(path));
  if (kind === 0) {
    if (options?.throwIfNoEntry === false) return undefined;
    throw absent('stat', path);
  }
  return { isFile: () => kind === 1, isDirectory: () => kind === 2, isSymbolicLink: () => false, size: kind === 1 ? host.readBytes(pathOf(path)).length : 0, mtimeMs: 0, mtime: new Date(0) };
}
export function readdirSync(path) {
  const names = host.list(pathOf(path));
  if (names === undefined) throw absent('scandir', path);
  return names === '' ? [] : names.split('\n');
}
export const accessSync = (path) => void statSync(path);
export const realpathSync = (path) => (statSync(path), pathOf(path));
export const lstatSync = statSync;
export const writeFileSync = readOnly('open'), appendFileSync = readOnly('open'), mkdirSync = readOnly('mkdir'), unlinkSync = readOnly('unlink'), rmSync = readOnly('rm');
export const constants = { F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1 };

const later = (work) => async (...values) => work(...values);
export const promises = {
  readFile: later(readFileSync), stat: later(statSync), lstat: later(statSync), readdir: later(readdirSync), access: later(accessSync),
  realpath: later(realpathSync), writeFile: later(writeFileSync), mkdir: later(mkdirSync), constants,
};
const called = (work) => (...values) => {
  const callback = values.pop();
  work(...values).then((value) => callback(null, value), callback);
};
export const readFile = called(promises.readFile), stat = called(promises.stat), readdir = called(promises.readdir), access = called(promises.access), writeFile = called(promises.writeFile);
export const exists = (path, callback) => queueMicrotask(() => callback(existsSync(path)));
