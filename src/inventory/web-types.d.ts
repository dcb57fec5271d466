// The types of age-encryption name two of the browser's, for what provision does not use.
type CryptoKey = import('node:crypto').webcrypto.CryptoKey;
type AuthenticationExtensionsPRFValues = never;
