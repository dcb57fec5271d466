/*
 * Compiles a playbook and what it imports, by the compiler and the options of the user's project, and says what is wrong:
 * TYPESCRIPT PROJECT PLAYBOOK. The rest of the project may be large, and is not what a run would load.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import type TypeScript from 'typescript';
import { packageRoot } from './package-root.ts';

const [typescript = '', project = '', playbook = ''] = process.argv.slice(2);
const ts = createRequire(project)(typescript) as Partial<typeof TypeScript>;
process.exitCode = isWhole(ts) ? check(ts) : checkProject();

/** A compiler that is not written in JavaScript has no such API. */
function isWhole(compiler: Partial<typeof TypeScript>): compiler is typeof TypeScript {
  return typeof compiler.createProgram === 'function';
}

function check(compiler: typeof TypeScript): number {
  const { config, error } = compiler.readConfigFile(project, (path) => compiler.sys.readFile(path)) as {
    config: unknown;
    error?: TypeScript.Diagnostic;
  };
  const folder = dirname(project);
  const parsed = compiler.parseJsonConfigFileContent(config, compiler.sys, folder, { noEmit: true }, project);
  // What the project declares for all of its files counts for this one.
  const declarations = parsed.fileNames.filter((name) => /\.d\.[cm]?ts$/.test(name));
  const program = compiler.createProgram({ rootNames: [playbook, ...declarations], options: parsed.options });
  const found = [
    ...(error ? [error] : []),
    ...parsed.errors,
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...program
      .getSourceFiles()
      .filter((file) => isOfUser(program, file))
      .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
  ];
  const problems = found.filter(
    // That the project has no file of its own is none of this playbook's business.
    ({ code, category }) => code !== 18003 && category === compiler.DiagnosticCategory.Error,
  );
  const text = compiler.formatDiagnostics(compiler.sortAndDeduplicateDiagnostics(problems), {
    getCurrentDirectory: () => process.cwd(),
    getCanonicalFileName: (name) => name,
    getNewLine: () => '\n',
  });
  process.stdout.write(text);
  return problems.length === 0 ? 0 : 1;
}

/** The sources of this program are checked by its own tests. */
function isOfUser(program: TypeScript.Program, file: TypeScript.SourceFile): boolean {
  return (
    !program.isSourceFileDefaultLibrary(file) &&
    !program.isSourceFileFromExternalLibrary(file) &&
    !file.fileName.startsWith(join(packageRoot, 'src') + sep)
  );
}

function checkProject(): number {
  const tsc = join(typescript, 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '--noEmit', '-p', project], { stdio: 'inherit' });
  return status ?? 1;
}
