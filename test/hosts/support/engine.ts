import { getContainerRuntimeClient } from 'testcontainers';

/** The engine's own interface, for what testcontainers has no word for. */
export type Engine = Awaited<ReturnType<typeof getContainerRuntimeClient>>['container']['dockerode'];

/** The engine that testcontainers uses. */
export async function engine(): Promise<Engine> {
  return (await getContainerRuntimeClient()).container.dockerode;
}

/** Waits until a build, an import, a pull or a push is done, and hears its lines. */
export async function followProgress(
  stream: NodeJS.ReadableStream,
  log: (line: string) => void = () => {},
): Promise<void> {
  const { modem } = await engine();
  const events = await new Promise<unknown[]>((resolve, reject) => {
    const hear = (event: ProgressEvent) => {
      if (event.stream?.trim()) log(event.stream.trimEnd());
    };
    modem.followProgress(stream, (problem, output) => (problem ? reject(problem) : resolve(output)), hear);
  });
  // Some engines report a failure as an ordinary line of an answer that began well.
  const failed = (events as ProgressEvent[]).find((event) => event.error !== undefined);
  if (failed?.error !== undefined) throw new Error(failed.error);
}

interface ProgressEvent {
  stream?: string;
  error?: string;
}

/** Whether the engine has an image, without asking any registry. */
export async function hasImage(name: string): Promise<boolean> {
  return (await engine())
    .getImage(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}
