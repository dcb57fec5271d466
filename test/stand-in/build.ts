import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Bundles the stand-in into one program that plain Node runs, and returns its text. */
export async function buildStandIn(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('main.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    target: 'node18',
    format: 'esm',
    write: false,
  });
  return outputFiles.map((file) => file.text).join('\n');
}
