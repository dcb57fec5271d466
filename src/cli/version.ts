declare const PROVISION_VERSION: string | undefined;

/** Of provision itself, put in by the build. */
export const version = typeof PROVISION_VERSION === 'string' ? PROVISION_VERSION : '0.0.0';
