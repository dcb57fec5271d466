/**
 * A file of the controller of any size. It is looked at before anything is contacted, and read piece by piece when a
 * host lacks it: it is never whole in memory.
 */
export interface LargeFile {
  /** Absolute. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /**
   * SHA-256 in lower-case hex. Read once a run, whoever asks.
   * @throws ProvisionError `LOCAL` when the file cannot be read, or is not the one that was looked at
   */
  sha256(): Promise<string>;
  /**
   * The bytes from the first to the last.
   * @throws ProvisionError `LOCAL` as `sha256` does, also after the last byte: what was read until then must not be used
   */
  read(): AsyncIterable<Uint8Array>;
}

/** Whether content is read piece by piece. */
export function isLargeFile(content: unknown): content is LargeFile {
  return typeof content === 'object' && content !== null && 'read' in content && 'sha256' in content;
}
