import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { problemsOf } from '../../core/errors.ts';
import { planFile } from '../../plan-file/test-plan-file.ts';
import { recordingSink } from '../../report/test-streams.ts';
import { makeFolder, removeFolders } from '../../ssh/testing/loopback.ts';
import { startSshServer } from '../../ssh/testing/ssh-server.ts';
import { parseCommandLine } from '../program.ts';
import { version } from '../version.ts';
import { applyCommand } from './apply.ts';
import { planCommand } from './plan.ts';

const { HOME: home, XDG_STATE_HOME: state } = process.env;
let folder: string;
let inventory: string;
let playbook: string;
let out: string;

beforeEach(async () => {
  folder = makeFolder();
  process.env['HOME'] = folder;
  process.env['XDG_STATE_HOME'] = join(folder, 'state');
  const gone = await startSshServer();
  await gone.close();
  inventory = join(folder, 'inventory.yaml');
  writeFileSync(
    inventory,
    `web:\n  hosts:\n    web-1: { host: 127.0.0.1, port: ${gone.port}, password: { file: password } }\n`,
  );
  writeFileSync(join(folder, 'password'), 'hunter2', { mode: 0o600 });
  playbook = join(folder, 'site.ts');
  writeFileSync(
    playbook,
    `import { file, inventory, playbook, text } from 'provision';
const site = inventory({ web: { motd: text().default('hello') } });
export default playbook(site.play('web', ({ vars }) => [file({ path: '/etc/motd', content: vars.motd })]));
`,
  );
  out = join(folder, 'plan.json');
});
afterEach(() => {
  process.env['HOME'] = home;
  process.env['XDG_STATE_HOME'] = state;
  if (state === undefined) Reflect.deleteProperty(process.env, 'XDG_STATE_HOME');
  removeFolders();
});

/** What a command ends with: its exit code, or the codes of what it throws, and what it told. */
async function run(...argv: string[]): Promise<{ ended: number | string[]; told: string }> {
  const request = parseCommandLine(
    [...argv, '-i', inventory, '--reconnect', '0', '--output', 'lines'],
    version,
  );
  const { sink, stdout, stderr } = recordingSink();
  const work = request.command === 'plan' ? planCommand(request, sink) : applyCommand(request as never, sink);
  let story = '';
  const ended = await work.catch((error: unknown) => {
    story = problemsOf(error)
      .map(({ happened }) => happened)
      .join('\n');
    return problemsOf(error).map(({ code }) => code);
  });
  await sink.flush();
  return { ended, told: `${stdout.written}${stderr.written}${story}` };
}

describe('a plan', () => {
  test('with a host that cannot be reached is not written, and an older one stays', async () => {
    writeFileSync(out, 'older');
    const { ended, told } = await run('plan', playbook, '-o', out);
    expect(ended).toBe(4);
    expect(told).toContain('no plan was written');
    expect(readFileSync(out, 'utf8')).toBe('older');
  });

  test('has its place refused before any host is contacted', async () => {
    symlinkSync(join(folder, 'elsewhere'), out);
    expect(await run('plan', playbook, '-o', out)).toMatchObject({ ended: ['UNSAFE_PATH'] });
    expect(existsSync(join(folder, 'elsewhere'))).toBe(false);
    expect(existsSync(join(folder, 'state'))).toBe(false);
  });
});

describe('applying refuses, before any host is contacted,', () => {
  const apply = () => run('apply', out, playbook);

  test('what is no plan', async () => {
    writeFileSync(out, '{}');
    const { ended, told } = await apply();
    expect(new Set(ended as string[])).toEqual(new Set(['PLAN_FILE']));
    expect(told).toContain('at plays: is missing');
  });

  test('a plan of another version, with its age', async () => {
    writeFileSync(
      out,
      JSON.stringify(
        planFile({ provision: '0.0.1-other', made: new Date(Date.now() - 7_200_000).toISOString() }),
      ),
    );
    const { ended, told } = await apply();
    expect(ended).toEqual(['STALE_PLAN']);
    expect(told).toContain('made by provision 0.0.1-other');
    expect(told).toContain('2h00m old');
  });

  test('a plan of other steps', async () => {
    writeFileSync(out, JSON.stringify(planFile({ provision: version })));
    const { ended, told } = await apply();
    expect(ended).toEqual(['STALE_PLAN', 'STALE_PLAN']);
    expect(told).toContain('something else is wanted');
    expect(told).toContain('the step is gone');
    expect(existsSync(join(folder, 'state'))).toBe(false);
  });
});
