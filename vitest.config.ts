import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: { 'provision/testing': source('./src/testing.ts'), provision: source('./src/index.ts') },
  },
  test: {
    // Runs of the tests are recorded apart from those of whoever starts them.
    env: { XDG_STATE_HOME: source('./node_modules/.cache/state') },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'playbooks/**/*.test.ts', 'test/unit/**/*.test.ts'],
          // Ends what hangs, and says nothing of how long a test may take on a busy machine.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'hosts',
          include: ['test/hosts/**/*.test.ts'],
          globalSetup: ['test/hosts/support/global-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
          env: { TESTCONTAINERS_RYUK_DISABLED: 'true' },
        },
      },
    ],
  },
});
