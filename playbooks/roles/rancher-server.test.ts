import { ProvisionError, type Step } from 'provision';
import { MemoryHost } from 'provision/testing';
import { expect, it } from 'vitest';
import { rancherServer } from './rancher-server.ts';

const steps = rancherServer({
  hostname: 'rancher.example.com',
  ca: undefined,
  image: 'rancher/rancher:v2.12.3',
  dataDir: '/opt/rancher',
  httpPort: 80,
  httpsPort: 443,
  bootstrapPassword: undefined,
  readyTimeoutSeconds: 900,
  audit: { level: 'off', directory: '/var/log/auditlog', maxAge: 1, maxBackups: 1, maxSize: 1 },
  registry: undefined,
});
const ready = steps.find((step) => 'type' in step && step.type === 'condition') as Step & {
  type: 'condition';
};

it('F28: waits for a Rancher that does not answer yet, but not on a host that is lost', async () => {
  const host = new MemoryHost().respond('80/ping', () => {
    throw new ProvisionError({ code: 'CONN_LOST', happened: 'the connection was closed' });
  });
  host.answer(/^:$/, '');
  expect(await ready.observe(host)).toEqual({ holds: false, saw: 'the connection was closed' });
  host.answer(/^:$/, () => {
    throw new ProvisionError({ code: 'CONN_LOST', happened: 'the host is gone' });
  });
  await expect(ready.observe(host)).rejects.toThrow('the host is gone');
});
