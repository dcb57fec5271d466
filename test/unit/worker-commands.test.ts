import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startCrowd } from '../hosts/scale/crowd.ts';
import type { Member } from '../hosts/scale/fates.ts';
import { provision } from '../hosts/support/provision.ts';
import { env, playbookOf, toldOf, workerLab } from '../support/worker-lab.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 60_000 });

let members: readonly Member[];
let stopHosts: () => Promise<void>;
beforeAll(async () => {
  const well = Array.from({ length: 4 }, (_, index) => ({ name: `host-${index}`, fate: 'well' as const }));
  ({ members, stop: stopHosts } = await startCrowd([...well, { name: 'away', fate: 'refused' }]));
});
afterAll(() => stopHosts());

const twoFiles = playbookOf(`
  const below = host.name === 'host-1' ? '/folder' : '';
  return [
    written({ path: vars.folder + '/' + host.name, text: vars.token }),
    written({ path: vars.folder + below + '/' + host.name + '.second', text: vars.token }),
  ];`);

/** A plan and what comes of it, step by step, as a person sees it. */
async function story(...workers: readonly string[]) {
  const { args, file, folder, names } = workerLab(members, twoFiles);
  const own = { env: { ...env, XDG_STATE_HOME: file('state') } };
  const tell = async (...words: readonly string[]) => {
    const result = await provision([...words, ...workers], own);
    const stderr = steady(result.stderr, folder.path).split('\n').sort();
    const { byHost, ...told } = toldOf(result, folder.path);
    const ofHost = ([name, lines]: [string, readonly string[]]) => [
      name,
      steady(lines.join('\n'), folder.path),
    ];
    return { ...told, stderr, byHost: Object.fromEntries(Object.entries(byHost).map(ofHost)) as object };
  };
  const plan = file('plan.json');
  const other = file('other.json');
  mkdirSync(file('folder'));
  const told = [
    await tell('plan', ...args, '-o', plan, '--detailed-exitcode'),
    await tell('apply', plan, ...args),
    await tell('apply', plan, ...args),
    await tell('drift', ...args),
  ];
  const planned = steady(readFileSync(plan, 'utf8'), folder.path);
  writeFileSync(file(names[0]!), 'by hand');
  told.push(await tell('drift', ...args));
  // What the second host was to hold cannot be made any more.
  rmSync(file('folder'), { recursive: true });
  told.push(await tell(...args), await tell('retry'));
  mkdirSync(file('folder'));
  told.push(await tell('retry'), await tell('retry'));
  const ports = members.filter(({ name }) => [names[3], 'away'].includes(name)).map(({ port }) => port);
  const inventory = readFileSync(file('inventory.yaml'), 'utf8').replace(`: ${ports[0]},`, `: ${ports[1]},`);
  writeFileSync(file('inventory.yaml'), inventory);
  told.push(await tell('plan', ...args, '-o', other), await tell('drift', ...args));
  return { told, planned, isWritten: existsSync(other) };
}

/** Without times, ids and the salt; each hash by when it is met first, as the salt changes all of them. */
function steady(text: string, folder: string): string {
  const hashes: string[] = [];
  return text
    .replaceAll(folder, '/folder')
    .replace(/\d{8}-\d{6}-\d{3}-[0-9a-f]{6}/g, 'RUN')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/, \S+ old$/gm, ', some time old')
    .replace(/"salt": ?"[0-9a-f]{32}"/, '"salt":"SALT"')
    .replace(/\b[0-9a-f]{64}\b/g, (hash) => {
      if (!hashes.includes(hash)) hashes.push(hash);
      return `HASH-${hashes.indexOf(hash)}`;
    });
}

test('plan, apply, drift and retry are with workers what they are with one process', async () => {
  const alone = await story();
  expect(alone.told.map(({ exit }) => exit)).toEqual([20, 0, 9, 0, 20, 2, 2, 0, 0, 4, 4]);
  expect(alone.isWritten).toBe(false);
  expect(alone.planned).toContain('"precondition"');
  expect(await story('--workers', '3')).toEqual(alone);
});

test('a plan that workers have made is applied by one process, and the other way round', async () => {
  for (const [planners, appliers] of [
    [['--workers', '2'], []],
    [[], ['--workers', '2']],
  ] as const) {
    const { args, file, names } = workerLab(members, twoFiles, 2);
    mkdirSync(file('folder'));
    const planned = await provision(['plan', ...args, '-o', file('plan.json'), ...planners], { env });
    expect(planned.exit, planned.stderr).toBe(0);
    const applied = await provision(['apply', file('plan.json'), ...args, ...appliers], { env });
    expect(applied.exit, applied.stderr).toBe(0);
    for (const name of names) expect(readFileSync(file(name), 'utf8')).toBe(env.WORKERS_TEST_TOKEN);
  }
});
