import { fileURLToPath } from 'node:url';
import { runInThisContext } from 'node:vm';
import * as provision from 'provision';
import * as testing from 'provision/testing';
import ts from 'typescript';
import { beforeAll, expect, test } from 'vitest';

/* Every example of the public API compiles, and what it says to be the result is the result. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const modules = { provision: 'src/index.ts', 'provision/testing': 'src/testing.ts' };

/** What examples speak of without making it: the rest of somebody's playbook or test. */
const outside = new Set([
  ...['host', 'vars', 'site', 'web', 'server', 'certificate', 'configuration', 'daemonOptions', 'hashOf'],
  ...['rancherNode', 'loadBalancer', 'expect'],
]);

interface Example {
  readonly name: string;
  readonly text: string;
}

const options = configuration();
const api = ts.createProgram(
  Object.values(modules).map((file) => root + file),
  options,
);
const exported = Object.entries(modules).flatMap(([module, file]) => exportsOf(module, file));
const examples: Example[] = exported.flatMap(({ name, texts }) => texts.map((text) => ({ name, text })));
let problems: Map<string, string[]>;

beforeAll(() => {
  problems = compile(examples);
}, 120_000);

test('everything that can be called has an example', () => {
  const without = exported.filter(({ isCallable, texts }) => isCallable && texts.length === 0);
  expect(without.map(({ name }) => name)).toEqual([]);
});

test.each(examples.map((example, index) => [example.name, index] as const))(
  'the example of %s compiles',
  (_name, index) => {
    expect(problems.get(fileOf(index)) ?? []).toEqual([]);
  },
);

test.each(
  examples.filter(({ text }) => text.includes('// =>')).map((example) => [example.name, example.text]),
)('the example of %s has the result that it says', async (_name, text) => {
  const results = await run(text);
  expect(results).not.toEqual([]);
  for (const { actual, said } of results) expect(actual).toEqual(said);
});

function configuration(): ts.CompilerOptions {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined };
  const parsed = ts.getParsedCommandLineOfConfigFile(`${root}tsconfig.json`, {}, host);
  return { ...parsed!.options, skipLibCheck: true };
}

function exportsOf(module: string, file: string) {
  const checker = api.getTypeChecker();
  const symbol = checker.getSymbolAtLocation(api.getSourceFile(root + file)!)!;
  return checker.getExportsOfModule(symbol).map((entry) => {
    const target = entry.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(entry) : entry;
    const tags = target.getJsDocTags(checker).filter((tag) => tag.name === 'example');
    const type = checker.getTypeOfSymbol(target);
    const isValue = (target.flags & ts.SymbolFlags.Value) !== 0;
    const calls = type.getCallSignatures().length + type.getConstructSignatures().length;
    return {
      module,
      name: entry.name,
      isValue,
      isCallable: isValue && calls > 0,
      texts: tags.map((tag) => ts.displayPartsToString(tag.text)),
    };
  });
}

function fileOf(index: number): string {
  return `${root}test/unit/example-${index}.ts`;
}

/** The messages of the compiler, by the file of each example. */
function compile(all: readonly Example[]): Map<string, string[]> {
  const files = new Map(all.map(({ text }, index) => [fileOf(index), sourceOf(text)]));
  const host = ts.createCompilerHost(options);
  const usual = { ...host };
  host.fileExists = (file) => files.has(file) || usual.fileExists(file);
  host.readFile = (file) => files.get(file) ?? usual.readFile(file);
  host.getSourceFile = (file, ...rest) => {
    const text = files.get(file);
    // What the public API is made of has been parsed already.
    if (text === undefined) return api.getSourceFile(file) ?? usual.getSourceFile(file, ...rest);
    return ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return new Map(
    [...files.keys()].map((file) => {
      const source = program.getSourceFile(file)!;
      const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
      return [file, found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))];
    }),
  );
}

/** A module with one function that has the example as its body. */
function sourceOf(text: string): string {
  const names = (module: string, isValue: boolean) =>
    exported.filter((entry) => entry.module === module && entry.isValue === isValue).map(({ name }) => name);
  const imports = Object.keys(modules).flatMap((module) => [
    `import { ${names(module, true).join(', ')} } from '${module}';`,
    `import type { ${names(module, false).join(', ')} } from '${module}';`,
  ]);
  const free = [...outside].filter((name) => new RegExp(`\\b${name}\\b`).test(text));
  const unknown = free.filter((name) => !new RegExp(`(const|let) ${name}\\b`).test(text));
  const ambient = unknown.map(
    (name) =>
      `declare const ${name}: ${name === 'host' ? "import('provision').Host & import('provision/testing').MemoryHost" : 'any'};`,
  );
  return [
    ...imports,
    ...ambient,
    'export async function example(): Promise<unknown> {',
    text.replace(/^export default /m, 'return '),
    'return undefined;',
    '}',
  ].join('\n');
}

/** Each statement that is followed by `// => …`, on its line or on the next, with both values. */
async function run(text: string): Promise<{ actual: unknown; said: unknown }[]> {
  const body = text.replace(
    /^(.+?);?\s*\/\/ => (.+)$/gm,
    (_all, statement: string, said: string) => `results.push({ actual: (${statement}), said: (${said}) });`,
  );
  const everything = { ...provision, ...testing };
  const code = `(async ({ ${Object.keys(everything).join(', ')} }, results) => { ${body}\n })`;
  const example = runInThisContext(code) as (api: object, results: object[]) => Promise<void>;
  const results: { actual: unknown; said: unknown }[] = [];
  await example(everything, results);
  return results;
}
