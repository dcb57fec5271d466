import type { Host, ReadHost } from '../core/host.ts';

/** What a family of distributions offers to install packages with. */
export interface PackageManager {
  /** `ID`s of os-release that it serves; others name one of them in `ID_LIKE`. */
  readonly families: readonly string[];
  /** State by package name: `installed`, or what is wrong with it (`half-configured`). Packages that are not there are missing. */
  states(host: ReadHost, names: readonly string[]): Promise<Readonly<Record<string, string>>>;
  /** Throws `PACKAGE` when a package cannot be installed, `DISK_FULL` when there is no room. */
  install(host: Host, names: readonly string[]): Promise<void>;
}
