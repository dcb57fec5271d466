/**
 * What is done with a keyword of ssh_config(5) that is not one of ours. Refused is what would lead elsewhere, or there by another
 * way, or trust somebody else; told is what would make a login weaker or stronger than it is; the rest means nothing to
 * a program that runs scripts, or is done here in a stricter way.
 */
export type ForeignKeyword =
  | { readonly treatment: 'ignored' }
  | { readonly treatment: 'told'; readonly why: string; readonly harmless: readonly string[] }
  | {
      readonly treatment: 'refused';
      readonly why: string;
      readonly remedy: string;
      /** Values with which it says what is so anyway. */
      readonly harmless: readonly string[];
    };

const ignored = `addkeystoagent batchmode canonicaldomains canonicalizefallbacklocal canonicalizemaxdots
  canonicalizepermittedcnames channeltimeout checkhostip cipher clearallforwardings compression
  compressionlevel connectionattempts controlmaster controlpath controlpersist dynamicforward enableescapecommandline
  enablesshkeysign escapechar exitonforwardfailure fallbacktorsh fingerprinthash forkafterauthentication forwardagent
  forwardx11 forwardx11timeout forwardx11trusted gatewayports globalknownhostsfile2 gssapiauthentication gssapiclientidentity
  gssapidelegatecredentials gssapikexalgorithms gssapikeyexchange gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns
  hashknownhosts hostbasedacceptedalgorithms hostbasedauthentication hostbasedkeytypes ignoreunknown ipqos kbdinteractivedevices keepalive
  localcommand localforward loglevel logverbose nohostauthenticationforlocalhost numberofpasswordprompts obscurekeystroketiming
  permitlocalcommand permitremoteopen protocol refuseconnection rekeylimit remotecommand remoteforward requesttty rhostsauthentication
  rhostsrsaauthentication rsaauthentication securitykeyprovider sendenv sessiontype setenv smartcarddevice
  stdinnull streamlocalbindmask streamlocalbindunlink syslogfacility tag tcpkeepalive tunnel
  tunneldevice updatehostkeys useprivilegedport userknownhostsfile2 useroaming usersh usekeychain verifyhostkeydns
  versionaddendum visualhostkey warnweakcrypto xauthlocation`;

const algorithms = 'the algorithms are those of provision, which leave out every weak one';

const told: Record<string, { why: string; harmless?: readonly string[] }> = {
  casignaturealgorithms: { why: algorithms },
  ciphers: { why: algorithms },
  hostkeyalgorithms: { why: algorithms },
  kexalgorithms: { why: algorithms },
  macs: { why: algorithms },
  pkcs11provider: { why: 'keys on a smart card are used through an SSH agent only', harmless: ['none'] },
  preferredauthentications: { why: 'keys are tried first, then a password, and each once' },
  pubkeyacceptedalgorithms: { why: algorithms },
  pubkeyacceptedkeytypes: { why: algorithms },
  requiredrsasize: { why: 'the size of RSA keys is not looked at' },
};

const refused: Record<string, { why: string; remedy: string; harmless?: readonly string[] }> = {
  bindaddress: {
    why: 'connections start at the address that the system chooses',
    remedy: 'set a route on this machine',
  },
  bindinterface: {
    why: 'connections start at the interface that the system chooses',
    remedy: 'set a route on this machine',
  },
  canonicalizehostname: {
    why: 'names are not completed, so it could be another host',
    remedy: 'give the whole name with HostName',
    harmless: ['no', 'false'],
  },
  knownhostscommand: {
    why: 'no program is run to know a host by',
    remedy: 'pin the key with fingerprint: in the inventory, or use a known_hosts file',
    harmless: ['none'],
  },
  proxycommand: {
    why: 'no program is run to reach a host',
    remedy: 'use ProxyJump, or jump: in the inventory',
    harmless: ['none'],
  },
  proxyusefdpass: {
    why: 'no program is run to reach a host',
    remedy: 'use ProxyJump',
    harmless: ['no', 'false'],
  },
  revokedhostkeys: {
    why: 'lists of revoked keys are not read, so a revoked key would be trusted',
    remedy: 'mark the keys with @revoked in a known_hosts file',
    harmless: ['none'],
  },
};

/** How a keyword is treated that is not ours; undefined for one that OpenSSH does not know either. */
export function foreignKeyword(keyword: string): ForeignKeyword | undefined {
  const tell = Object.hasOwn(told, keyword) ? told[keyword] : undefined;
  if (tell) return { treatment: 'told', harmless: [], ...tell };
  const refuse = Object.hasOwn(refused, keyword) ? refused[keyword] : undefined;
  if (refuse) return { treatment: 'refused', harmless: [], ...refuse };
  return ignoredKeywords.has(keyword) ? { treatment: 'ignored' } : undefined;
}

const ignoredKeywords = new Set(ignored.split(/\s+/));

/** Every keyword that is not ours, for suggestions. */
export const foreignKeywords: readonly string[] = [
  ...ignoredKeywords,
  ...Object.keys(told),
  ...Object.keys(refused),
];
