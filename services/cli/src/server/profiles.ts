/**
 * Profiles: servers saved under a name in the user's configuration directory. A profile has an address, and a token or
 * the data directory of a local server.
 */
import Conf from 'conf';

export interface Profile {
  readonly url?: string;
  readonly token?: string;
  /** Data directory of a local server, whose development issuer signs tokens. */
  readonly data?: string;
}

interface Stored {
  readonly profiles: Readonly<Record<string, Profile>>;
  readonly current?: string;
}

/** The file holds tokens: only its owner may read it. */
const FILE_MODE = 0o600;

const profile = {
  type: 'object',
  properties: { url: { type: 'string' }, token: { type: 'string' }, data: { type: 'string' } },
  additionalProperties: false,
} as const;

function store(): Conf<Stored> {
  return new Conf<Stored>({
    projectName: 'tantieme',
    projectSuffix: '',
    configName: 'profiles',
    configFileMode: FILE_MODE,
    // Where the environment names a directory (tests, containers), no home directory is touched.
    ...(process.env['TANTIEME_CONFIG'] === undefined ? {} : { cwd: process.env['TANTIEME_CONFIG'] }),
    schema: {
      profiles: { type: 'object', additionalProperties: profile, default: {} },
      current: { type: 'string' },
    },
  });
}

export function listProfiles(): Stored & { readonly file: string } {
  const { store: stored, path } = store();
  return { ...stored, profiles: stored.profiles ?? {}, file: path };
}

/**
 * The named profile, or without a name the default one; empty if there is no default.
 * @throws for an unknown name
 */
export function findProfile(name: string | undefined): Profile {
  const { profiles, current } = listProfiles();
  const wanted = name ?? current;
  if (wanted === undefined) return {};
  const found = profiles[wanted];
  if (found === undefined)
    throw new Error(
      `there is no profile "${wanted}"; known: ${Object.keys(profiles).join(', ') || 'none'} (tantieme profile add)`,
    );
  return found;
}

/** Adds or replaces a profile; the first one becomes the default. */
export function saveProfile(name: string, saved: Profile): void {
  const conf = store();
  conf.set('profiles', { ...conf.get('profiles'), [name]: saved });
  if (conf.get('current') === undefined) conf.set('current', name);
}

export function useProfile(name: string): void {
  findProfile(name);
  store().set('current', name);
}

export function removeProfile(name: string): void {
  findProfile(name);
  const conf = store();
  const { [name]: _, ...others } = conf.get('profiles');
  conf.set('profiles', others);
  if (conf.get('current') === name) conf.delete('current');
}
