/** Ends the program with exit code 1, as Rancher's own `[FATAL]` does. */
export class Fatal extends Error {
  /** Printed as it is, without the `[FATAL]` in front. */
  readonly plain: boolean;

  constructor(message: string, { plain = false } = {}) {
    super(message);
    this.plain = plain;
  }
}
