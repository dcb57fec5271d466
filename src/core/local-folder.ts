/** A folder of the controller with all files in it, read before anything is contacted. */
export interface LocalFolder {
  /** Absolute. */
  readonly path: string;
  /** By their paths in it: `conf/site.conf`. Folders without a file are not among them. */
  readonly files: Readonly<Record<string, { readonly content: Uint8Array; readonly executable: boolean }>>;
}
