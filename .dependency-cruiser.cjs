// The direction of imports: core <- host, local <- siblings <- cli, index, testing. ARCHITECTURE.md says why.
const siblings = [
  'inventory',
  'templates',
  'resources',
  'actions',
  'ssh',
  'report',
  'records',
  'engine',
  'plan-file',
  'tls',
];

module.exports = {
  forbidden: [
    { name: 'no-circle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'core-is-pure',
      severity: 'error',
      comment: 'core has no I/O and no clock: nothing of Node, nothing of provision but itself',
      from: { path: '^src/core/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^(src/core/|node_modules/zod/)' },
    },
    {
      name: 'host-knows-core-only',
      severity: 'error',
      from: { path: '^src/host/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/', pathNot: '^src/(core|host)/' },
    },
    {
      name: 'local-knows-core-only',
      severity: 'error',
      from: { path: '^src/local/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/', pathNot: '^src/(core|local)/' },
    },
    ...siblings.map((sibling) => ({
      name: `${sibling}-imports-no-sibling`,
      severity: 'error',
      from: { path: `^src/${sibling}/`, pathNot: '\\.test\\.ts$' },
      to: { path: '^src/', pathNot: `^src/(core|host|local|${sibling})/` },
    })),
    {
      name: 'playbooks-use-the-public-api',
      severity: 'error',
      from: { path: '^playbooks/' },
      to: { path: '^src/', pathNot: '^src/(index|testing)\\.ts$' },
    },
    ...Object.entries({
      'node-ssh': '^src/ssh/',
      ssh2: '^src/ssh/',
      'age-encryption': '^src/inventory/',
      'ssh2-sftp-client': '^src/ssh/',
      listr2: '^src/report/',
      mustache: '^src/templates/',
      inquirer: '^src/cli/',
      commander: '^src/cli/',
      jiti: '^src/cli/',
      yaml: '^src/inventory/',
      diff: '^src/report/',
    }).map(([name, home]) => ({
      name: `${name}-stays-behind-its-guard`,
      severity: 'error',
      from: { path: '^(src|playbooks)/', pathNot: `${home}|\\.test\\.ts$` },
      to: { path: `^node_modules/${name}/` },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    exclude: '^dist/',
  },
};
