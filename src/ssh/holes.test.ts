import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NodeSSH } from 'node-ssh';
import type { ServerChannel } from 'ssh2';
import { afterEach, describe, expect, test } from 'vitest';
import { problemsOf } from '../core/errors.ts';
import { sh } from '../core/script.ts';
import type { Connection } from '../host/connection.ts';
import type { ConnectOptions } from './connect.ts';
import { connect } from './connect.ts';
import { startFaultProxy } from './testing/fault-proxy.ts';
import { loopback, makeFolder, removeFolders, trusting } from './testing/loopback.ts';
import { run } from './testing/run-command.ts';
import type { SshServerOptions } from './testing/ssh-server-options.ts';
import type { SshServer } from './testing/ssh-server.ts';
import { destroy, password, startSshServer } from './testing/ssh-server.ts';

// Each hole is shown on the bare package first: if a new version closes it, the test says so, and what we built
// around it can go.

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

async function start(options: SshServerOptions = {}): Promise<SshServer> {
  const server = await startSshServer(options);
  closing.push(() => server.close());
  return server;
}

/** A connection of node-ssh alone, made as its manual says. */
async function bare(port: number): Promise<NodeSSH> {
  const ssh = new NodeSSH();
  await ssh.connect({ host: '127.0.0.1', port, username: 'deploy', password });
  // Kept from ending the test run; that nothing is there is shown in T3.
  if (ssh.connection) ssh.connection.on('error', () => undefined);
  closing.push(() => ssh.dispose());
  return ssh;
}

async function ours(
  server: SshServer,
  port = server.port,
  more: Partial<ConnectOptions> = {},
): Promise<Connection> {
  const connection = await connect(loopback(port), trusting([[port, server.hostKey]], more));
  closing.push(() => connection.close());
  return connection;
}

const quick = { timeoutMs: 5000, doing: 'test' };
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => problemsOf(error)[0].code,
  );
const pendingAfter = (ms: number) => new Promise((resolve) => setTimeout(() => resolve('pending'), ms));
const dieMidway = (_command: string, channel: ServerChannel, connection: Parameters<typeof destroy>[0]) => {
  channel.write('begin');
  setTimeout(() => destroy(connection), 50);
};

describe('T1: the host key is not looked at', () => {
  test('bare', async () => {
    const server = await start();
    expect((await bare(server.port)).isConnected()).toBe(true);
  });
  test('ours', async () => {
    const server = await start();
    expect(await codeOf(connect(loopback(server.port), trusting([])))).toBe('HOSTKEY_UNKNOWN');
  });
});

describe('T2: a connection that dies is a result', () => {
  test('bare', async () => {
    const ssh = await bare((await start({ onExec: dieMidway })).port);
    expect(await ssh.execCommand('apt-get install nginx')).toMatchObject({ code: null, stdout: 'begin' });
  });
  test('ours', async () => {
    const server = await start();
    const connection = await ours(server);
    const running = codeOf(connection.execute(sh`echo begin; sleep 10`, quick));
    setTimeout(() => server.connections.forEach(destroy), 100);
    expect(await running).toBe('CONN_LOST');
  });
});

describe('T3: nobody listens for errors after the login', () => {
  test('bare', async () => {
    const ssh = new NodeSSH();
    const { port } = await start();
    await ssh.connect({ host: '127.0.0.1', port, username: 'deploy', password });
    expect(ssh.connection?.listenerCount('error')).toBe(0);
    expect(() => ssh.connection?.emit('error', new Error('Keepalive timeout'))).toThrow('Keepalive timeout');
    ssh.connection?.on('error', () => undefined);
    ssh.dispose();
  });
  test('ours: a reset while idle and while busy is an error of this host alone', async () => {
    const server = await start();
    const proxy = await startFaultProxy(server.port);
    closing.push(() => proxy.close());
    const connection = await ours(server, proxy.port);
    const running = codeOf(connection.execute(sh`sleep 0.2; echo; sleep 10`, quick));
    proxy.fault = { kind: 'reset', afterBytes: 0 };
    expect(await running).toBe('CONN_LOST');
    expect(await codeOf(connection.execute(sh`true`, quick))).toBe('CONN_LOST');
  });
});

describe('T4: an upload over a connection that dies ends the process, or never ends', () => {
  test('bare', async () => {
    const server = await start();
    const proxy = await startFaultProxy(server.port);
    closing.push(() => proxy.close());
    proxy.fault = { kind: 'reset', afterBytes: 2_000_000 };
    const [local, remote] = [join(makeFolder(), 'local'), join(makeFolder(), 'remote')];
    writeFileSync(local, Buffer.alloc(20_000_000));
    const { output } = await node(`
      import { NodeSSH } from 'node-ssh';
      const ssh = new NodeSSH();
      await ssh.connect({ host: '127.0.0.1', port: ${proxy.port}, username: 'deploy', password: '${password}' });
      await ssh.putFile('${local}', '${remote}').then(() => console.log('orderly'), () => console.log('orderly'));
    `);
    expect(output).not.toContain('orderly');
  }, 20_000);
  test('ours, with the line cut in 20 places', async () => {
    const server = await start();
    const content = Buffer.alloc(400_000, 'new');
    for (let cut = 0; cut < 20; cut++) {
      const proxy = await startFaultProxy(server.port);
      const near = join(makeFolder(), 'nginx.conf');
      writeFileSync(near, 'old');
      const connection = await ours(server, proxy.port);
      proxy.fault = { kind: cut % 2 ? 'reset' : 'cut', afterBytes: proxy.bytes + 200 + cut * 21_000 };
      expect(await codeOf(connection.upload(content, near))).toBe('CONN_LOST');
      expect(readFileSync(near, 'utf8')).toBe('old');
      await connection.close();
      await proxy.close();
    }
  }, 20_000);
});

describe('T5: a peer that is silent for ever is waited for, for ever', () => {
  test('bare', async () => {
    const server = await start();
    const proxy = await startFaultProxy(server.port);
    closing.push(() => proxy.close());
    const ssh = await bare(proxy.port);
    proxy.fault = { kind: 'blackhole', afterBytes: 0 };
    const running = ssh.execCommand('true').catch(() => undefined);
    expect(await Promise.race([running, pendingAfter(1000)])).toBe('pending');
    const { config } = ssh.connection as unknown as { config: { keepaliveInterval: number } };
    expect(config.keepaliveInterval).toBe(0);
  });
  test('ours', async () => {
    const server = await start();
    const proxy = await startFaultProxy(server.port);
    closing.push(() => proxy.close());
    const connection = await ours(server, proxy.port, { keepalive: { intervalMs: 100, countMax: 3 } });
    proxy.fault = { kind: 'blackhole', afterBytes: 0 };
    const running = codeOf(connection.execute(sh`true`, { ...quick, timeoutMs: 60_000 }));
    expect(await Promise.race([running, pendingAfter(2000)])).toBe('CONN_LOST');
  });
});

describe('T6: a full disk destroys the file that was to be replaced', () => {
  test('bare', async () => {
    const ssh = await bare((await start({ diskBytes: 100_000 })).port);
    const [local, remote] = [join(makeFolder(), 'new'), join(makeFolder(), 'nginx.conf')];
    writeFileSync(local, Buffer.alloc(200_000, 'new'));
    writeFileSync(remote, 'old');
    await expect(ssh.putFile(local, remote)).rejects.toThrow();
    expect(readFileSync(remote, 'utf8')).not.toBe('old');
  });
  test('ours', async () => {
    const connection = await ours(await start({ diskBytes: 100_000 }));
    const remote = join(makeFolder(), 'nginx.conf');
    writeFileSync(remote, 'old');
    expect(await codeOf(connection.upload(Buffer.alloc(200_000), remote))).toBe('STEP_FAILED');
    expect(readFileSync(remote, 'utf8')).toBe('old');
    expect(readdirSync(join(remote, '..'))).toEqual(['nginx.conf']);
  });
});

describe('T7: a warning is a failure and a failure is none', () => {
  test('bare', async () => {
    const ssh = await bare((await start()).port);
    await expect(ssh.exec('sh', ['-c', 'echo warning >&2; exit 0'])).rejects.toThrow('warning');
    expect(await ssh.exec('sh', ['-c', 'echo out; exit 3'])).toBe('out');
  });
  test('ours', async () => {
    const connection = await ours(await start());
    expect(await connection.execute(sh`echo warning >&2`, quick)).toMatchObject({ code: 0 });
    expect(await connection.execute(sh`exit 3`, quick)).toMatchObject({ code: 3 });
  });
});

describe('T8: a folder that is missing does not keep the command from running', () => {
  test('bare', async () => {
    const ssh = await bare((await start()).port);
    expect(await ssh.execCommand('echo ran', { cwd: '/does/not/exist' })).toMatchObject({
      code: 0,
      stdout: 'ran',
    });
  });
  test('ours: there is no such option, and every script begins in /', async () => {
    const connection = await ours(await start());
    const answer = await connection.execute(sh`cd -- ${'/does/not/exist'} && echo ran`, quick);
    expect(answer.stdout).toBe('');
    expect(await connection.execute(sh`pwd`, quick)).toMatchObject({ stdout: '/\n' });
  });
});

describe('T9: empty arguments vanish', () => {
  test('bare', async () => {
    const ssh = await bare((await start()).port);
    expect(await ssh.exec('printf', ['<%s>', '--password', '', '--host'])).toBe('<--password><--host>');
  });
  test('ours', async () => {
    const connection = await ours(await start());
    const { stdout } = await connection.execute(sh`printf ${['<%s>', '--password', '', '--host']}`, quick);
    expect(stdout).toBe('<--password><><--host>');
  });
});

describe('T10: characters that lie across two packets are damaged', () => {
  const text = 'häßlich 😀 '.repeat(50);
  test('bare', async () => {
    const onExec = (_command: string, channel: ServerChannel) => {
      for (const byte of Buffer.from(text)) channel.write(Buffer.from([byte]));
      channel.exit(0);
      channel.end();
    };
    const ssh = await bare((await start({ onExec })).port);
    expect((await ssh.execCommand('cat')).stdout).toContain('\ufffd');
  });
  test('ours', async () => {
    const byByte = (command: string, channel: ServerChannel) => {
      const write = channel.write.bind(channel) as (bytes: Buffer) => boolean;
      channel.write = (chunk: Buffer) => [...chunk].every((byte) => write(Buffer.from([byte])));
      run(command, channel, undefined, {});
    };
    const connection = await ours(await start({ onExec: byByte }));
    expect(await connection.execute(sh`cat`, { ...quick, stdin: text })).toMatchObject({ stdout: text });
  });
});

describe('T11: output is kept without limit', () => {
  test('bare', async () => {
    const ssh = await bare((await start()).port);
    expect((await ssh.execCommand('head -c 20000000 /dev/zero | tr "\\\\0" x')).stdout).toHaveLength(
      20_000_000,
    );
  });
  test('ours', async () => {
    const connection = await ours(await start());
    const { stdout } = await connection.execute(sh`head -c 20000000 /dev/zero | tr '\\0' x`, quick);
    expect(stdout.length).toBeLessThan(530_000);
    expect(stdout).toContain('19475712 bytes left out');
  });
});

describe('T12: a prompt in another language is never answered', () => {
  const inGerman: SshServerOptions['authenticate'] = (attempt) => {
    if (attempt.method !== 'keyboard-interactive') return void attempt.reject(['keyboard-interactive']);
    attempt.prompt([{ prompt: 'Kennwort: ', echo: false }], (answers) => {
      if (answers[0] === password) attempt.accept();
      else attempt.reject();
    });
  };
  test('bare', async () => {
    const { port } = await start({ authenticate: inGerman });
    const ssh = new NodeSSH();
    closing.push(() => ssh.dispose());
    const connecting = ssh.connect({
      host: '127.0.0.1',
      port,
      username: 'deploy',
      password,
      tryKeyboard: true,
      readyTimeout: 1500,
    });
    expect(await Promise.race([connecting.catch(() => 'gave up'), pendingAfter(1000)])).toBe('pending');
    await connecting.catch(() => undefined);
  });
  test('ours', async () => {
    const server = await start({ authenticate: inGerman });
    expect(await (await ours(server)).execute(sh`echo in`, quick)).toMatchObject({ stdout: 'in\n' });
  });
});

describe('T13: a host with few sessions refuses the next one for a moment', () => {
  const limits = { maxSessions: 1, sessionLingerMs: 100 };
  test('bare', async () => {
    const ssh = await bare((await start(limits)).port);
    await ssh.execCommand('true');
    await expect(ssh.execCommand('true')).rejects.toThrow('Channel open failure');
  });
  test('ours', async () => {
    const connection = await ours(await start(limits));
    expect(await codeOf(connection.execute(sh`kill -9 $$`, quick))).toBe('CONN_LOST');
    expect(await connection.execute(sh`echo again`, quick)).toMatchObject({ stdout: 'again\n' });
  });
});

describe('T14: a folder is copied without its dot files, and without a word', () => {
  test('bare', async () => {
    const ssh = await bare((await start()).port);
    const [local, remote] = [makeFolder(), makeFolder()];
    mkdirSync(join(local, 'app'));
    writeFileSync(join(local, 'app', '.env'), 'x');
    expect(await ssh.putDirectory(join(local, 'app'), remote)).toBe(true);
    expect(readdirSync(remote)).toEqual([]);
  });
  test('ours: nothing but connect is used of node-ssh', () => {
    const sources = readdirSync(fileURLToPath(new URL('.', import.meta.url)), {
      recursive: true,
      encoding: 'utf8',
    })
      .filter((name) => name.endsWith('.ts') && !/\.test\.ts$|^testing\//.test(name))
      .map((name) => readFileSync(new URL(name, import.meta.url), 'utf8'));
    const users = sources.filter((source) => source.includes("from 'node-ssh'"));
    expect(users).toHaveLength(1);
    expect(users[0]?.match(/\bssh\.\w+/g)).toEqual(['ssh.connect', 'ssh.connection']);
  });
});

describe('T15: installing it runs a program', () => {
  const root = new URL('../../', import.meta.url);
  test('bare', () => {
    const lock = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    expect(lock.packages['node_modules/ssh2']?.hasInstallScript).toBe(true);
  });
  test('ours: scripts are off, and nothing native is needed', async () => {
    expect(readFileSync(new URL('.npmrc', root), 'utf8')).toMatch(/^ignore-scripts=true$/m);
    expect(await (await ours(await start())).execute(sh`echo in`, quick)).toMatchObject({ stdout: 'in\n' });
  });
});

/** Runs a program in a process of its own; its output and how it ended. */
function node(program: string): Promise<{ code: number | null; output: string }> {
  const cwd = fileURLToPath(new URL('../../', import.meta.url));
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}
