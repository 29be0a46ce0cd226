// People, tokens, versions. See ../schemas.mjs.

import { int, str, bool, date, uri, any, or, list, one, see, object } from './notation.mjs';

const user = object(
  'user/basic.json',
  { id: int, username: str, name: str, state: one('active', 'blocked'), avatar_url: str, web_url: uri },
  { public_email: or(str), locked: bool },
);

const member = object(
  'members.json',
  {
    id: int,
    username: str,
    name: str,
    state: str,
    avatar_url: str,
    web_url: or(str),
    access_level: int,
    expires_at: or(str),
  },
  { public_email: or(str), locked: bool, created_at: date, membership_state: str },
);

export default {
  user,
  users: list(see('user')),
  // https://docs.gitlab.com/api/users/#retrieve-the-current-user
  me: object(
    'user/public.json',
    {
      id: int,
      username: str,
      name: str,
      state: str,
      avatar_url: str,
      web_url: uri,
      created_at: date,
      email: str,
      bot: bool,
    },
    { locked: bool, public_email: or(str), bio: or(str), is_admin: bool, commit_email: str, external: bool },
  ),
  group: object('groups.md', {
    id: int,
    name: str,
    path: str,
    full_path: str,
    full_name: str,
    description: or(str),
    visibility: str,
    web_url: uri,
    parent_id: or(int),
    created_at: date,
  }),
  member,
  members: list(see('member')),
  metadata: object('metadata.json', {
    version: str,
    revision: str,
    kas: object('', { enabled: bool, externalUrl: or(str), version: or(str) }, { externalK8sProxyUrl: or(str) }),
    enterprise: bool,
  }),
  version: object('version.md', { version: str, revision: str }),
  job: object('job.json', {
    id: int,
    name: str,
    status: str,
    stage: str,
    ref: str,
    tag: bool,
    created_at: date,
    user: see('user'),
    web_url: uri,
    project: any,
    pipeline: any,
  }),
  token: object(
    'personal_access_tokens.md',
    {
      id: int,
      name: str,
      revoked: bool,
      created_at: date,
      scopes: list(str),
      user_id: int,
      active: bool,
      expires_at: or(str),
    },
    { description: or(str), last_used_at: or(date) },
  ),
};
