import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import {
  choice,
  fqdn,
  integer,
  localFile,
  oneOf,
  path,
  port,
  record,
  secret,
  secretFile,
  text,
} from '../core/fields.ts';
import { inventorySchema } from './inventory-schema.ts';
import { parseInventory } from './parse-inventory.ts';
import { resolveInventory } from './resolve-inventory.ts';

const certificate = oneOf(
  {
    'own-ca': { title: 'Own CA', fields: { chain: localFile(), key: secretFile(), ca: localFile() } },
    'private-ca': { title: 'Make one', fields: {} },
  },
  { message: 'Which certificate?' },
);

const groups = {
  rancher: {
    hostname: fqdn(),
    certificate,
    image: text().default('rancher/rancher:v2.8.5'),
    data_dir: path().default('/opt/rancher'),
    http_port: port().default(80),
    https_port: port().default(443),
    size: choice('small', 'medium').default('small'),
    docker: choice('distribution', 'docker').default('distribution'),
    bootstrap_password: secret().optional(),
    audit: choice('off', 'metadata', 'headers', 'request', 'response').default('off'),
    audit_log_dir: path().default('/var/log/rancher/auditlog'),
    audit_max_age: integer({ min: 1 }).default(10),
    audit_max_backups: integer({ min: 1 }).default(10),
    audit_max_size: integer({ min: 1 }).default(100),
    registry: record({ url: text(), username: text(), password: secret() }).optional(),
  },
  lb: {
    hostname: fqdn(),
    certificate,
    nginx_layout: choice('snippet', 'whole').default('snippet'),
    http_port: port().default(80),
    https_port: port().default(443),
  },
};

const example = readFileSync(fileURLToPath(new URL('../../inventory.example.yaml', import.meta.url)), 'utf8');
// A "#" right before a name shows an option that may be set.
const everyOption = example.replace(/^( +)#(?=[a-z_]+: )/gm, '$1');

const schema = z.fromJSONSchema(
  JSON.parse(JSON.stringify(inventorySchema(groups))) as Parameters<typeof z.fromJSONSchema>[0],
);
const fits = (yaml: string) => schema.safeParse(parse(yaml)).success;

describe('inventory.example.yaml', () => {
  it('is an inventory as it is: only the certificate is left to be asked for', async () => {
    const world = { environment: {}, home: '/home/me', user: 'me', now: new Date(0), readOnly: true };
    const { missing, warnings, connections } = await resolveInventory(
      parseInventory(example, 'i.yaml'),
      groups,
      world,
    );
    expect(missing.map(({ at }) => at.join('.'))).toEqual(['all.vars.certificate']);
    expect(warnings).toEqual([]);
    expect([...connections.keys()]).toEqual(['rancher-1', 'lb-1']);
  });

  it('shows options that exist', () => {
    expect(everyOption).not.toBe(example);
    expect(() => parseInventory(everyOption, 'i.yaml')).not.toThrow();
    expect(fits(everyOption)).toBe(true);
  });
});

describe('inventorySchema', () => {
  it.each([
    'rancher: { hosts: { a: , b: { host: 10.0.0.1, data_dir: /x } } }',
    'site: { children: { lb: { hosts: { a: } } }, vars: { data_dir: /x, user: root } }',
    'lb: { hosts: { a: { ansible_host: x, vars: { http_port: 81 } } } }',
  ])('fits %s', (yaml) => {
    expect(fits(yaml)).toBe(true);
  });

  it.each([
    'rancher: { host: { a: } }',
    'rancher: { hosts: [a] }',
    'rancher: { hosts: { a: { hots: x } } }',
    'rancher: { hosts: { a: { nginx_layout: whole } } }',
    'rancher: { vars: { http_port: "80" } }',
    'site: { children: { lb: { vars: { data_dir: /x } } } }',
    'all: { vars: { certificate: { option: own-ca, chain: x } } }',
    'all: { vars: { bootstrap_password: hunter22 } }',
  ])('does not fit %s', (yaml) => {
    expect(fits(yaml)).toBe(false);
  });
});
