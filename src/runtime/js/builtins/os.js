// node:os: fixed answers; nothing of the machine is shown.
export const EOL = '\n', devNull = '/dev/null';
export const platform = () => 'linux', type = () => 'Linux', arch = () => 'x64', release = () => '6.0.0', hostname = () => 'enclave';
export const homedir = () => '/action', tmpdir = () => '/tmp', endianness = () => 'LE', cpus = () => [], loadavg = () => [0, 0, 0];
export const totalmem = () => host.memorySize(), freemem = () => 0, uptime = () => process.uptime(), networkInterfaces = () => ({});
export const userInfo = () => ({ username: 'action', uid: 0, gid: 0, shell: null, homedir: '/action' });
export const constants = { signals: {}, errno: {} };
