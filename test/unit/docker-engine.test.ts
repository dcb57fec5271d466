import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { anyEngineAnswers, ensureDockerEngine, ensurePrograms } from '../../scripts/docker-engine.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'docker-engine-'));
const servers: Server[] = [];

afterEach(() => {
  vi.unstubAllEnvs();
  servers.splice(0).forEach((server) => server.close());
});
afterAll(() => rmSync(scratch, { recursive: true }));

describe('ensureDockerEngine', () => {
  it('leaves an engine alone that answers', async () => {
    vi.stubEnv('DOCKER_HOST', `unix://${await listen('answers.sock', 200)}`);
    const log: string[] = [];
    expect(await ensureDockerEngine({ allowInstall: false, log: (line) => log.push(line) })).toEqual({
      started: false,
      pid: undefined,
    });
    expect(log).toEqual([]);
  });

  it('starts none beside the one that DOCKER_HOST names, even when it may install', async () => {
    vi.stubEnv('DOCKER_HOST', `unix://${scratch}/nobody.sock`);
    await expect(ensureDockerEngine({ allowInstall: true })).rejects.toThrow(
      /DOCKER_HOST is unix:.*nobody\.sock, and no engine answers there\. .*unset DOCKER_HOST/,
    );
  });

  it('is not deceived by a socket behind which something else fails', async () => {
    vi.stubEnv('DOCKER_HOST', `unix://${await listen('fails.sock', 500)}`);
    expect(await anyEngineAnswers()).toBe(false);
  });

  it.each(['tcp://127.0.0.1:1', 'nonsense', 'unix://'])('finds no engine at %s', async (address) => {
    vi.stubEnv('DOCKER_HOST', address);
    expect(await anyEngineAnswers()).toBe(false);
    await expect(ensureDockerEngine()).rejects.toThrow('DOCKER_HOST');
  });
});

describe('ensurePrograms', () => {
  it('installs nothing when all programs are there', async () => {
    await ensurePrograms({ sh: ['no-such-package'] }, { allowInstall: true });
  });

  it('says what is missing and what to do where it may not install', async () => {
    const missing = ensurePrograms({ 'no-such-program': ['no-such-package'] }, { allowInstall: false });
    await expect(missing).rejects.toThrow(
      /programs are missing: no-such-program, and installing is not allowed\. Install/,
    );
  });
});

async function listen(name: string, status: number): Promise<string> {
  const path = join(scratch, name);
  const server = createServer((_, response) => response.writeHead(status).end()).listen(path);
  servers.push(server);
  await once(server, 'listening');
  return path;
}
