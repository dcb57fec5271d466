import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { hostileFileNames, hostileText, MemoryHost } from 'provision/testing';
import { sh } from 'provision';

const root = fileURLToPath(new URL('../../', import.meta.url));

test('who imports the test kit for a host in memory does not load SSH', async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { testing: 'src/testing.ts' },
    outdir: 'unused',
    write: false,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    external: ['cpu-features', '*.node'],
    metafile: true,
  });
  const loaded = new Set<string>();
  const visit = (file: string) => {
    const output = metafile.outputs[file];
    if (!output || loaded.has(file)) return;
    loaded.add(file);
    for (const { path, kind } of output.imports) if (kind === 'import-statement') visit(path);
  };
  visit('unused/testing.js');
  const sources = [...loaded].flatMap((file) => Object.keys(metafile.outputs[file]!.inputs));
  expect(sources).toContain('src/host/memory-host.ts');
  expect(sources.filter((source) => source.startsWith('node_modules/'))).toEqual([]);
});

test.each(Object.entries(hostileText))(
  'a host in memory can say what is hostile: %s',
  async (_name, text) => {
    const host = new MemoryHost();
    host.answer('hostname', text);
    expect((await host.probe(sh`hostname`)).stdout).toBe(text);
  },
);

test('no hostile name or text stands in the lists twice', () => {
  expect(new Set(hostileFileNames).size).toBe(hostileFileNames.length);
  expect(new Set(Object.values(hostileText)).size).toBe(Object.keys(hostileText).length);
});
