import { writeFileSync } from 'node:fs';
import type { RunEvent } from 'provision';
import { makeKey } from '../../src/ssh/testing/make-key.ts';
import type { Member } from '../hosts/scale/fates.ts';
import { folderWith, type ProvisionResult } from '../hosts/support/provision.ts';

/** What a user sees of a run, but for times, the order between hosts and the folder of the run. */
export interface Told {
  readonly exit: number;
  readonly stderr: string;
  readonly summary: unknown;
  readonly phases: readonly RunEvent[];
  readonly byHost: Readonly<Record<string, readonly string[]>>;
}

export function toldOf({ stdout, stderr, exit }: ProvisionResult, folder: string): Told {
  const events = stdout
    .replaceAll(folder, '/folder')
    .replace(/through after \d+ ms|"ms":\d+|in \d+ ms/g, '"ms":0')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RunEvent);
  const byHost: Record<string, string[]> = {};
  for (const event of events)
    if (event.event === 'step' || event.event === 'step-start' || event.event === 'notice')
      (byHost[event.host ?? ''] ??= []).push(JSON.stringify(event));
  return {
    exit,
    stderr,
    summary: events.at(-1),
    phases: events.filter(({ event }) => event === 'start' || event === 'phase'),
    byHost,
  };
}

/** What the command line of a lab must find in its environment. */
export const env = { WORKERS_TEST_TOKEN: 'token-of-the-test' };

const site = `import { action, inventory, largeFile, localFile, onChange, playbook, resource, secret, sh, text } from 'provision';
const site = inventory({ web: {
  folder: text(), token: secret(), spoken: secret(), note: localFile(), archive: largeFile(), calls: text(),
} });
const written = resource({
  kind: 'written',
  want: (props) => props,
  id: ({ path }) => path,
  read: async (host, { path }) => {
    const { code, stdout } = await host.probe(sh\`cat \${path}\`);
    return code === 0 ? { text: stdout } : undefined;
  },
  diff: (have, { text }) => have?.text === text.reveal() ? [] : [{ type: 'secret', path: 'text', have: 'differs' }],
  apply: async (host, { path, text }) => {
    console.log('writing with', text.reveal());
    await host.run(sh\`sleep 0.3; printf %s \${text.reveal()} >\${path}\`, { doing: 'writing' });
  },
});
`;

export const playbookOf = (body: string) => `${site}
export default playbook(site.play('web', ({ host, vars, groups }) => { ${body} }));
`;

export const body = `
  const all = groups.web.map((peer) => peer.name).join();
  const same = vars.note.text() + vars.archive.size + all;
  return [written({ path: vars.folder + '/' + host.name, text: vars.token }), { ...written({
    path: vars.folder + '/' + host.name + '.peers', text: { reveal: () => same, toJSON: () => same },
  }) }];`;

/** An inventory of some well hosts, whose values come from everywhere. */
export function workerLab(members: readonly Member[], text = playbookOf(body), count = 4) {
  const folder = folderWith({
    key: makeKey().private,
    'note.txt': 'a note ',
    'archive.bin': 'x'.repeat(5000),
  });
  const file = (name: string) => folder.file(name);
  const well = members.filter(({ fate }) => fate === 'well').slice(0, count);
  const spoken = file('say.sh');
  writeFileSync(spoken, `#!/bin/sh\necho once >>${file('calls')}\necho spoken-secret-value\n`, {
    mode: 0o700,
  });
  const hosts = well.map(
    ({ name, port, fingerprint }) =>
      `    ${name}: { host: 127.0.0.1, port: ${port}, fingerprint: '${fingerprint}' }`,
  );
  writeFileSync(
    file('inventory.yaml'),
    `all:
  vars: { user: deploy, key: ${file('key')}, become: false, folder: ${folder.path}, calls: x }
web:
  vars:
    token: { env: WORKERS_TEST_TOKEN }
    spoken: { command: [${spoken}] }
    note: note.txt
    archive: archive.bin
  hosts:
${hosts.join('\n')}
`,
  );
  writeFileSync(file('playbook.ts'), text);
  const args = [file('playbook.ts'), '-i', file('inventory.yaml'), '-F', 'none'];
  return { folder, file, args, names: well.map(({ name }) => name) };
}
