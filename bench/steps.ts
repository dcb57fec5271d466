import { readFileSync } from 'node:fs';

/** Where everything lies that is made on a host. */
export const place = '/srv/bench';

/** Where each command leaves a byte, so that it can be seen afterwards how many have run. */
export const tally = '/srv/tally';

/** One step, as data: each contender does the same in its own words. All belongs to root. */
export type BenchStep =
  | { readonly kind: 'directory'; readonly path: string; readonly mode: string }
  | { readonly kind: 'file'; readonly path: string; readonly mode: string; readonly content: string }
  | {
      readonly kind: 'template';
      readonly path: string;
      readonly mode: string;
      readonly view: { readonly name: string; readonly port: number };
    }
  /** A command that is left out when what it creates is there; without `creates` it runs each time. */
  | { readonly kind: 'command'; readonly name: string; readonly run: string; readonly creates?: string };

const command = (name: string): BenchStep => ({
  kind: 'command',
  name,
  run: `/bin/true && printf . >>${tally}`,
});

/** Connect, and one command. */
export const oneCommand: readonly BenchStep[] = [command('only')];

export const twentyCommands: readonly BenchStep[] = Array.from({ length: 20 }, (_, index) =>
  command(`number ${index + 1}`),
);

/** What a small web server's setup is made of: 5 directories, 10 files, 4 templates, 6 commands that create something. */
export const typicalSteps: readonly BenchStep[] = [
  ...['', '/conf', '/conf/sites', '/www', '/keys'].map((name): BenchStep => ({
    kind: 'directory',
    path: place + name,
    mode: name === '/keys' ? '0700' : '0755',
  })),
  ...Array.from({ length: 8 }, (_, index) => textFile(`/conf/part-${index}.conf`, '0644', 400 + 300 * index)),
  textFile('/keys/site.key', '0600', 1700),
  textFile('/www/index.html', '0644', 20_000),
  ...Array.from({ length: 4 }, (_, index): BenchStep => ({
    kind: 'template',
    path: `${place}/conf/sites/site-${index}.conf`,
    mode: '0644',
    view: { name: `site-${index}.example.com`, port: 8000 + index },
  })),
  ...Array.from({ length: 6 }, (_, index): BenchStep => {
    const creates = `${place}/www/made-${index}`;
    return { kind: 'command', name: `make ${index}`, creates, run: `umask 022; : >${creates}` };
  }),
];

function textFile(name: string, mode: string, size: number): BenchStep {
  const line = `# ${name} is written by the benchmark\n`;
  return {
    kind: 'file',
    path: place + name,
    mode,
    content: line.repeat(Math.ceil(size / line.length)),
  };
}

export const templateFile = new URL('templates/site.conf.mustache', import.meta.url);

/** What a file or template shall hold. */
export function contentOf(step: Extract<BenchStep, { readonly kind: 'file' | 'template' }>): string {
  if (step.kind === 'file') return step.content;
  const text = readFileSync(templateFile, 'utf8');
  return text.replaceAll('{{ name }}', step.view.name).replaceAll('{{ port }}', String(step.view.port));
}
