import { describe, expect, it } from 'vitest';
import { ProvisionError } from '../core/errors.ts';
import { MemoryHost } from '../host/memory-host.ts';
import { httpCheck } from './http-check.ts';

const request = { port: 80, path: '/ping' };

describe('an HTTP check', () => {
  it('holds when the answer is as expected', async () => {
    const host = new MemoryHost().respond('80/ping', { body: 'pong\n', headers: { server: 'x' } });
    const step = httpCheck({
      request,
      expect: { status: [200, 204], body: 'pong', headers: { server: /^x/ } },
    });
    expect(step.id).toBe('http GET http://127.0.0.1/ping');
    expect(await step.observe(host)).toEqual({ holds: true, saw: 'HTTP 200' });
  });

  it.each([
    [{ status: 502 }, { status: 200 }, 'HTTP 502, not 200'],
    [
      { status: 302, headers: { location: 'https://x/' } },
      { status: [200, 401] },
      'HTTP 302, not 200 or 401 (to https://x/)',
    ],
    [{ body: '<html>' }, { status: 200, body: 'pong' }, 'HTTP 200 with the body "<html>", not pong'],
    [{ body: 'ping' }, { status: 200, body: /^pong/ }, 'HTTP 200 with the body "ping", not /^pong/'],
    [{}, { status: 200, headers: { server: /./ } }, 'HTTP 200 with no header server, not /./'],
    [
      { certificateFingerprint: 'AA' },
      { status: 200, certificateFingerprint: 'BB' },
      'the certificate AA, not BB',
    ],
  ])('tells what it saw of %j', async (response, expected, saw) => {
    const host = new MemoryHost().respond('80/ping', response);
    expect(await httpCheck({ request, expect: expected }).observe(host)).toEqual({ holds: false, saw });
  });

  it('goes on waiting while nothing answers, but not when the host is lost', async () => {
    const step = httpCheck({ name: 'ping', request, expect: { status: 200 } });
    const host = new MemoryHost();
    expect((await step.observe(host)).saw).toBe('GET http://127.0.0.1/ping: connection refused');
    host.respond('80/ping', () => {
      throw new ProvisionError({ code: 'CONN_LOST', happened: 'closed' });
    });
    host.answer(/^:$/, '');
    expect(await step.observe(host)).toEqual({ holds: false, saw: 'closed' });
    host.answer(/^:$/, () => {
      throw new ProvisionError({ code: 'CONN_LOST', happened: 'the host is gone' });
    });
    await expect(step.observe(host)).rejects.toThrow('the host is gone');
  });
});
